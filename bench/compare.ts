/** Ours and theirs, from interleaved runs: what is printed of a comparison, and its verdict. */
import { type Cell, progress, table } from '../src/cli/report.js';

/** What one comparison is about. */
export interface CaseSettings {
  /** Engine and opponent: `kernel vs raw C`. */
  readonly name: string;
  /** Bytes of one message. */
  readonly size: number;
  readonly unit: string;
  /** The least ratio that is content; 0 where nothing is required. */
  readonly required: number;
  /** Whether a greater figure is the better one (rates) or a smaller one (times). */
  readonly better: 'greater' | 'smaller';
}

/** One comparison as it stands in the report. */
export interface Case {
  readonly name: string;
  readonly size: number;
  readonly unit: string;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Median over the pairs; greater is better, whatever the unit. */
  readonly ratio: number;
  readonly required: number;
  readonly ok: boolean;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * `ours[i]` and `theirs[i]` ran next to one another: noise that comes and goes meets both of a
 * pair.
 */
export function compare(
  settings: CaseSettings,
  ours: readonly number[],
  theirs: readonly number[],
): Case {
  const { name, size, unit, required, better } = settings;
  if (ours.length !== theirs.length) throw new RangeError('a run without its pair');
  const ratios = ours.map((own, i) => (better === 'greater' ? own / theirs[i]! : theirs[i]! / own));
  const ratio = Math.round(median(ratios) * 1000) / 1000;
  return { name, size, unit, ours, theirs, ratio, required, ok: ratio >= required };
}

/** Runs ours and theirs by turns, so many pairs of them, and says what came of each pair. */
export async function comparePairs(
  settings: CaseSettings,
  pairs: number,
  sides: { ours(): Promise<number>; theirs(): Promise<number> },
): Promise<Case> {
  const { name, unit, better } = settings;
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let pair = 1; pair <= pairs; pair += 1) {
    const [own, other] = [await sides.ours(), await sides.theirs()];
    ours.push(own);
    theirs.push(other);
    const ratio = better === 'greater' ? own / other : other / own;
    progress(`${name}, pair ${pair}: ${own} to ${other} ${unit}, ${ratio.toFixed(2)}`);
  }
  return compare(settings, ours, theirs);
}

/** The cases that miss their ratio, each in a sentence. */
export function missed(cases: readonly Case[]): string[] {
  return cases
    .filter((entry) => !entry.ok)
    .map(
      (entry) => `${entry.name}, ${entry.size} B: ${entry.ratio} of the required ${entry.required}`,
    );
}

/** All cases, a row each, with the medians of both sides. */
export function caseTable(cases: readonly Case[]): string {
  const rows = cases.map((entry): Cell[] => [
    entry.name,
    entry.size,
    Math.round(median(entry.ours)),
    Math.round(median(entry.theirs)),
    entry.unit,
    entry.ratio.toFixed(2),
    entry.required === 0 ? '' : entry.required.toFixed(2),
    entry.ok ? 'ok' : 'MISSED',
  ]);
  return table(['case', 'bytes', 'ours', 'theirs', 'unit', 'ratio', 'required', ''], rows);
}
