/** What the scenario `liveness` must show. */
import { profiles } from '../../timing/profiles.js';
import { worstCase } from '../../timing/worst-case.js';
import type { ClassResult, LivenessClass, LivenessResult } from './liveness.js';
import { FAR_PROFILE, NEAR_PROFILE } from './liveness-cast.js';

/** Bounds of the near profile, for processes that share one slow processor. */
const BOUNDS_MS: Readonly<Partial<Record<LivenessClass, number>>> = {
  blocked: 1500,
  'idle-path': 2000,
  cut: 2500,
  kill: 100,
  'power-off': 2500,
};

const NONE: ClassResult = {
  name: 'blocked',
  trials: 0,
  nearMs: [],
  farMs: [],
  missed: 0,
  falseNodedown: 0,
};

const greatest = (values: readonly number[]): number => Math.max(0, ...values);

function classOf({ classes }: LivenessResult, name: LivenessClass): ClassResult {
  return classes.find((each) => each.name === name) ?? NONE;
}

const sum = (result: LivenessResult, what: 'missed' | 'falseNodedown'): number =>
  result.classes.reduce((total, each) => total + each[what], 0);

/** One victim, two links: what each profile promises of the same events, and what was measured. */
function promises(result: LivenessResult) {
  const [blocked, cut] = [classOf(result, 'blocked'), classOf(result, 'cut')];
  const of = (name: typeof NEAR_PROFILE | typeof FAR_PROFILE, which: 'nearMs' | 'farMs') => {
    const { stalledMs, allPathsDeadMs } = worstCase(profiles[name]);
    return {
      profile: name,
      cutPromisedMs: allPathsDeadMs,
      cutMinMs: cut[which].length === 0 ? 0 : Math.min(...cut[which]),
      cutMaxMs: greatest(cut[which]),
      stalledPromisedMs: stalledMs,
      stalledMaxMs: greatest(blocked[which]),
    };
  };
  return { near: of(NEAR_PROFILE, 'nearMs'), far: of(FAR_PROFILE, 'farMs') };
}

/** The figures, as the command reports them. */
export function livenessFigures(result: LivenessResult) {
  const maxMs = (name: LivenessClass) => greatest(classOf(result, name).nearMs);
  const stalls = ['blocked', 'saturated', 'lossy'] as const;
  return {
    trials: Math.min(...result.classes.map(({ trials }) => trials)),
    falseNodedown: sum(result, 'falseNodedown'),
    stalls: stalls.reduce((total, name) => total + classOf(result, name).nearMs.length, 0),
    falseStalled: result.falseStalled,
    missed: sum(result, 'missed'),
    stalledMaxMs: maxMs('blocked'),
    killMaxMs: maxMs('kill'),
    cutMaxMs: maxMs('cut'),
    powerOffMaxMs: maxMs('power-off'),
    idlePathMaxMs: maxMs('idle-path'),
    ...promises(result),
    sysctlsChanged: result.sysctlsChanged,
  };
}

function late(what: string, maxMs: number, boundMs: number): string[] {
  return maxMs <= boundMs ? [] : [`${what}: ${maxMs.toFixed(0)} ms, not at most ${boundMs} ms`];
}

/**
 * The link with other timers must neither end by those of its neighbour nor later than its own
 * profile says, but for what a busy processor adds to it as to the others.
 */
function farViolations(result: LivenessResult): string[] {
  const { far, near } = promises(result);
  if (classOf(result, 'cut').farMs.length === 0) return ['no link with the far peer was cut'];
  const slackMs = BOUNDS_MS.cut! - near.cutPromisedMs;
  const { outageMs } = profiles[FAR_PROFILE];
  return [
    ...late('cut, seen by the far peer', far.cutMaxMs, far.cutPromisedMs + slackMs),
    ...(far.cutMinMs >= outageMs
      ? []
      : [`cut, seen by the far peer: ${far.cutMinMs.toFixed(0)} ms, before its ${outageMs} ms`]),
  ];
}

/** Everything that was promised and not kept, as sentences. */
export function livenessViolations(result: LivenessResult): string[] {
  const violations: string[] = [];
  for (const { name, nearMs, missed, falseNodedown } of result.classes) {
    if (falseNodedown > 0) violations.push(`${name}: nodes taken for down: ${falseNodedown}`);
    if (missed > 0) violations.push(`${name}: not told: ${missed}`);
    if (nearMs.length === 0) violations.push(`${name}: nothing was seen`);
    const boundMs = BOUNDS_MS[name];
    if (boundMs !== undefined) violations.push(...late(name, greatest(nearMs), boundMs));
  }
  if (result.falseStalled > 0) violations.push(`taken for stalled: ${result.falseStalled}`);
  const { sysctlsChanged } = result;
  if (sysctlsChanged.length > 0) violations.push(`sysctls changed: ${sysctlsChanged.join(', ')}`);
  return [...violations, ...farViolations(result)];
}
