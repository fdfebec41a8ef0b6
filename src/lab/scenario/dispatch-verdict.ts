/** What became of all tasks, from what their submitter was told and what workers wrote down. */
import type { Delivery } from '../../cluster.js';
import type { Settled } from './dispatch-protocol.js';

/** The tasks of one kind. */
export interface DispatchFigures {
  readonly tasks: number;
  readonly completed: number;
  /** Neither completed nor reported, or completed without a run. */
  readonly lost: number;
  /** Tasks whose handler was called more than once. */
  readonly ranTwice: number;
  /** Not completed, and their submitter was told so. */
  readonly reported: number;
  /** The same by code. */
  readonly codes: Readonly<Record<string, number>>;
  /** Tasks with keys that have changed something, and of these how many have more than once. */
  readonly effects: number;
  readonly effectsTwice: number;
}

/** How often each task was run, and has changed something. */
export interface RunLedger {
  readonly runs: ReadonlyMap<number, number>;
  readonly effects: ReadonlyMap<number, number>;
}

/**
 * Reads what all workers wrote. The last line of one that was killed may be torn.
 * @param taken the keys that are taken: one that was killed then could not write down that it had
 */
export function readRuns(texts: readonly string[], taken: readonly string[]): RunLedger {
  const [runs, effects] = [new Map<number, number>(), new Map<number, number>()];
  for (const text of texts) {
    for (const [, kind, digits] of text.matchAll(/^(run|effect) (\d+)\n/gm)) {
      const counts = kind === 'run' ? runs : effects;
      counts.set(Number(digits), (counts.get(Number(digits)) ?? 0) + 1);
    }
  }
  for (const key of taken) effects.set(Number(key), effects.get(Number(key)) ?? 1);
  return { runs, effects };
}

/** @param remainder of the numbers of this kind's tasks, by two */
export function figuresOf(
  settled: Settled,
  { runs, effects }: RunLedger,
  remainder: 0 | 1,
): DispatchFigures {
  const own = ([number]: readonly [number, number]) => number % 2 === remainder;
  const ran = [...runs].filter(own);
  const changed = [...effects].filter(own);
  const reported = Object.values(settled.reported).reduce((sum, count) => sum + count, 0);
  const unrun = Math.max(0, settled.completed - ran.length);
  return {
    tasks: settled.tasks,
    completed: settled.completed,
    lost: settled.tasks - settled.completed - reported + unrun,
    ranTwice: ran.filter(([, count]) => count > 1).length,
    reported,
    codes: settled.reported,
    effects: changed.length,
    effectsTwice: changed.filter(([, count]) => count > 1).length,
  };
}

/** Every promise that was broken, in a sentence. */
export function dispatchViolations(kinds: Readonly<Record<Delivery, DispatchFigures>>): string[] {
  const again = kinds['at-least-once'];
  const once = kinds['at-most-once'];
  const violations: string[] = [];
  const zero = (what: string, count: number) => {
    if (count !== 0) violations.push(`${what}: ${count}, not 0`);
  };
  zero('at-least-once: lost', again.lost);
  zero('at-least-once: reported', again.reported);
  zero('at-least-once: keys whose effect is missing', again.tasks - again.effects);
  zero('at-least-once: keys with more than one effect', again.effectsTwice);
  zero('at-most-once: lost', once.lost);
  zero('at-most-once: ran twice', once.ranTwice);
  if (again.tasks === 0 || once.tasks === 0) violations.push('nothing was submitted');
  const others = Object.keys(once.codes).filter((code) => code !== 'ERR_OUTCOME_UNKNOWN');
  for (const code of others) violations.push(`at-most-once: reported as ${code}`);
  return violations;
}
