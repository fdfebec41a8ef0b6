/** One seed, run and judged. */
import { type WorldName, worlds } from './worlds.js';

/** What is asked for. */
export interface Job {
  readonly world: WorldName;
  readonly seed: number;
  readonly leastEvents: number;
  /** Runs it twice and compares. */
  readonly twice: boolean;
}

/** What came of it. */
export interface Done {
  readonly seed: number;
  readonly events: number;
  readonly hash: string;
  readonly diverged: boolean;
  readonly violations: readonly string[];
  /** The last events before a violation. */
  readonly lines: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Runs one seed; again, in words, when it broke a promise. */
export async function runJob({ world, seed, leastEvents, twice }: Job): Promise<Done> {
  const run = worlds[world];
  const runQuietly = () => withoutStacks(() => run(seed, { leastEvents, isVerbose: false }));
  const first = await runQuietly();
  const { events, hash, violations, counts } = first;
  if (violations.length === 0) {
    const second = twice ? await runQuietly() : first;
    const diverged = second.hash !== hash;
    return { seed, events, hash, diverged, violations, lines: [], counts };
  }
  const again = await run(seed, { leastEvents, isVerbose: true });
  const diverged = again.hash !== hash;
  const told = again.violations.length > 0 ? again.violations : violations;
  return { seed, events, hash, diverged, violations: told, lines: again.lines, counts };
}

/** Has errors made without the place they come from, which costs more than the rest of them. */
async function withoutStacks<T>(run: () => T | Promise<T>): Promise<T> {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await run();
  } finally {
    Error.stackTraceLimit = before;
  }
}
