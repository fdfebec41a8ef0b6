/** Text that fits a terminal: nothing wraps there, and nothing is cut off. */
import { styleText } from 'node:util';

/** How a cell is coloured, where colours are wanted. */
export type Colour = 'green' | 'yellow' | 'red' | 'bold' | 'dim';

/** A text, or one with a colour. */
export type FitCell = string | { readonly text: string; readonly colour: Colour };

/** What is known of the terminal. */
export interface Fit {
  readonly columns: number;
  readonly hasColours: boolean;
}

const GAP = '  ';
/** A column gives way no further: a word of this length stays whole. */
const LEAST_COLUMNS = 8;

const textOf = (cell: FitCell): string => (typeof cell === 'string' ? cell : cell.text);

/** A text in a colour, where colours are wanted. */
export function coloured(text: string, colour: Colour, { hasColours }: Fit): string {
  // Whether they are wanted was asked before, and not of this stream alone.
  return hasColours ? styleText(colour, text, { validateStream: false }) : text;
}

/** Breaks a text between words so that each line fits; a word that is too long is broken itself. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length > columns) {
      lines.push(line);
      line = '';
    }
    for (; rest.length > columns; rest = rest.slice(columns)) lines.push(rest.slice(0, columns));
    line = line === '' ? rest : `${line} ${rest}`;
  }
  lines.push(line);
  return lines;
}

/** Widths of columns that fit together: the widest gives way first. */
function widthsOf(natural: readonly number[], columns: number): number[] {
  const widths = [...natural];
  const room = columns - GAP.length * (widths.length - 1);
  for (let over = sum(widths) - room; over > 0; over--) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= LEAST_COLUMNS) break;
    widths[widest]!--;
  }
  return widths;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** A table, line by line; a cell that does not fit its column takes several. */
export function fitTable(
  header: readonly string[],
  rows: readonly (readonly FitCell[])[],
  fit: Fit,
): string[] {
  const natural = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => textOf(row[column]!).length)),
  );
  const widths = widthsOf(natural, fit.columns);
  const lines = (row: readonly FitCell[]): string[] => {
    const cells = row.map((cell, column) => wrap(textOf(cell), widths[column]!));
    const height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, at) => {
      const last = row.length - 1;
      return row
        .map((cell, column) => {
          const text = cells[column]![at] ?? '';
          // Nothing stands behind the last one, and spaces there might wrap.
          const padding = column === last ? '' : ' '.repeat(widths[column]! - text.length);
          const shown = typeof cell === 'string' ? text : coloured(text, cell.colour, fit);
          return `${text === '' ? '' : shown}${padding}`;
        })
        .join(GAP)
        .trimEnd();
    });
  };
  const titles = header.map((text): FitCell => ({ text, colour: 'dim' }));
  return [titles, ...rows].flatMap(lines);
}
