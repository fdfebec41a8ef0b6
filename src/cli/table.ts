/** Tables for people. Apart from reports, which load what knows the engine. */

/** One cell; columns of nothing but numbers, also as text, are aligned to the right. */
export type Cell = string | number | null;

/**
 * A plain text table: a header, a rule, the rows; columns padded to the widest cell and parted by
 * two spaces. Large numbers get separators of thousands; null is an empty cell.
 */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => header.map((_, column) => cellText(row[column] ?? null)));
  const widths = header.map((name, column) =>
    Math.max(name.length, ...texts.map((row) => row[column]!.length)),
  );
  const toRight = header.map(
    (_, column) =>
      texts.some((row) => row[column] !== '') &&
      texts.every((row) => /^(-?[\d,]+(\.\d+)?)?$/.test(row[column]!)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        toRight[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return `${[line(header), rule, ...texts.map(line)].join('\n')}\n`;
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  return typeof cell === 'number' ? cell.toLocaleString('en-US') : cell;
}
