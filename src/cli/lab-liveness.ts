/** `backplane lab liveness`. */
import { enterLab } from '../lab/index.js';
import { type LivenessResult, runLiveness } from '../lab/scenario/liveness.js';
import { NEAR_PROFILE } from '../lab/scenario/liveness-cast.js';
import { livenessFigures, livenessViolations } from '../lab/scenario/liveness-verdict.js';
import { finish, progress, table } from './report.js';

const VICTIMS = 10;
const BLOCK_MS = 10_000;

export interface LivenessCommandOptions {
  readonly trials: number;
  readonly json?: boolean;
}

const ms = (value: number): string => value.toFixed(0);

/** The value that so large a share of all do not exceed; null where there is none. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? null;
}

function classFigures({ classes }: LivenessResult) {
  return classes.map(({ name, trials, nearMs, missed, falseNodedown }) => ({
    name,
    trials,
    p50Ms: percentile(nearMs, 0.5),
    p99Ms: percentile(nearMs, 0.99),
    maxMs: percentile(nearMs, 1),
    missed,
    falseNodedown,
  }));
}

function text(result: LivenessResult): string {
  const rows = classFigures(result).map((each) => [
    each.name,
    each.trials,
    ...[each.p50Ms, each.p99Ms, each.maxMs].map((value) => (value === null ? '-' : ms(value))),
    each.missed,
    each.falseNodedown,
  ]);
  const header = ['class', 'trials', 'p50 ms', 'p99 ms', 'max ms', 'not told', 'false nodedown'];
  const { near, far } = livenessFigures(result);
  const both = [near, far].map((each) => [
    each.profile,
    ms(each.cutPromisedMs),
    ms(each.cutMaxMs),
    ms(each.stalledPromisedMs),
    ms(each.stalledMaxMs),
  ]);
  const promised = ['link', 'cut, promised ms', 'max', 'stall, promised ms', 'max'];
  return `${table(header, rows)}\n${table(promised, both)}`;
}

/** Runs it and reports. */
export async function liveness({ trials, json }: LivenessCommandOptions): Promise<void> {
  await enterLab();
  const startMs = performance.now();
  const result = await runLiveness({ trials, victims: VICTIMS, blockMs: BLOCK_MS, progress });
  finish(
    {
      command: 'lab',
      violations: livenessViolations(result),
      scenario: 'liveness',
      profile: NEAR_PROFILE,
      ...livenessFigures(result),
      classes: classFigures(result),
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}
