/** Kills a process under writes, looks at what it has left, and again. */
import type { SeededRandom } from '../../src/testing/random.js';
import { pause } from './clients.js';
import type { Recovery, Subject, Victim } from './subject.js';

/** What came of it. */
export interface CrashFigures {
  readonly cycles: number;
  /** Of them, killed before the first write was acknowledged. */
  readonly early: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly halfApplied: number;
  /** To open a store, and from then to the first acknowledged write. */
  readonly openMsP50: number;
  readonly recoveryMsP50: number;
  readonly recoveryMsP99: number;
  readonly violations: readonly string[];
}

/** One of so many cycles ends while the process still opens, and one begins with nothing. */
const EARLY_EVERY = 4;
const RESET_EVERY = 25;
/** Writes after which an end comes that is not early, at most. */
const MOST_WRITES = 120;
/** Cycles after which it is told how far it is. */
const TELL_EVERY = 25;
/** Of broken promises, so many are told in full. */
const MOST_TOLD = 10;

/** Lets it write for a while, or not even open, and kills it. */
async function killOnce(
  victim: Victim,
  random: SeededRandom,
  earlyMs: number | null,
): Promise<Recovery | null> {
  await victim.started;
  let recovery: Recovery | null = null;
  if (earlyMs !== null) {
    // Never told: it ends before.
    victim.recovered.catch(() => {});
    await pause(random.between(0, earlyMs));
  } else {
    const written = victim.afterWrites(1 + random.below(MOST_WRITES));
    recovery = await victim.recovered;
    await written;
    // Anywhere within the writes that follow.
    await pause(random.between(0, 3));
  }
  await victim.kill();
  return recovery;
}

function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((one, two) => one - two);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return Math.round(value * 10) / 10;
}

/**
 * Runs so many cycles.
 * @param told from time to time, with a line for a person
 */
export async function runCycles(
  subject: Subject,
  cycles: number,
  random: SeededRandom,
  told: (line: string) => void,
): Promise<CrashFigures> {
  const recoveries: Recovery[] = [];
  const violations: string[] = [];
  const totals = { early: 0, lost: 0, halfApplied: 0 };
  await subject.prepare();
  for (let cycle = 1; cycle <= cycles; cycle++) {
    if (random.below(RESET_EVERY) === 0) await subject.reset();
    // One at least is not: without a recovery there is nothing that could be lost.
    const mayBeEarly = cycle < cycles || recoveries.length > 0;
    const isEarly = random.below(EARLY_EVERY) === 0 && mayBeEarly;
    const earlyMs = isEarly ? subject.earlyMs : null;
    const recovery = await killOnce(subject.start(), random, earlyMs);
    if (recovery === null) totals.early++;
    else recoveries.push(recovery);
    const { lost, halfApplied, findings } = await subject.look();
    totals.lost += lost;
    totals.halfApplied += halfApplied;
    for (const finding of findings) {
      if (violations.length < MOST_TOLD) violations.push(`cycle ${cycle}: ${finding}`);
    }
    if (cycle % TELL_EVERY === 0 || cycle === cycles) {
      told(`${cycle} of ${cycles} kills, ${subject.acknowledged} writes`);
    }
  }
  const times = recoveries.map(({ recoveryMs }) => recoveryMs);
  return {
    cycles,
    ...totals,
    acknowledged: subject.acknowledged,
    openMsP50: percentile(
      recoveries.map(({ openMs }) => openMs),
      0.5,
    ),
    recoveryMsP50: percentile(times, 0.5),
    recoveryMsP99: percentile(times, 0.99),
    violations,
  };
}
