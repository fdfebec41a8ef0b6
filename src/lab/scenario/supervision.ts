/**
 * The scenario `supervision`: workers on this host that crash, crash in a loop, stall, lose their
 * controllers, and are many; and controllers that start in pairs. It needs no network, and so no
 * lab.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerEvent } from '../../cluster.js';
import { systemRuntime } from '../../runtime/index.js';
import { SupervisionCast } from './supervision-cast.js';
import { type ControllerKills, killControllers } from './supervision-kills.js';
import { type ControllerPairs, pairControllers } from './supervision-pairs.js';

export interface SupervisionOptions {
  readonly crashes: number;
  readonly stalls: number;
  readonly kills: number;
  readonly commands: number;
  readonly pairs: number;
  progress(line: string): void;
}

/** Plain commands that were started and stopped. */
export interface PlainCommands {
  readonly count: number;
  readonly startedInOrder: boolean;
  readonly stoppedInOrder: boolean;
  readonly startMs: number;
  readonly stopMs: number;
}

export interface SupervisionResult extends ControllerKills {
  /** From the kill of each worker to its next process. */
  readonly crashToRunningMs: readonly number[];
  readonly crashLoopStopped: boolean;
  /** Processes that the loop had. */
  readonly crashLoopStarts: number;
  readonly beatMs: number;
  /** From when each worker stopped beating to its next process. */
  readonly stalledReplacedMs: readonly number[];
  readonly plainCommands: PlainCommands;
  readonly twoControllers: ControllerPairs;
}

/** The longest silence of a worker that is watched. */
const BEAT_MS = 1000;
/** Between two commands there is a process to be made; that of a thousand takes its time. */
const COMMAND_PATIENCE_MS = 1000;

const nowMs = (): number => systemRuntime.clock.nowMs();

function isOf(type: WorkerEvent['type'], worker: string) {
  return (event: WorkerEvent): boolean => {
    return event.type === type && 'worker' in event && event.worker === worker;
  };
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a part with a folder and controllers of its own. */
async function withCast<T>(run: (cast: SupervisionCast, folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-supervision-'));
  const cast = new SupervisionCast(folder);
  const abandon = () => cast.abandon();
  // What runs here was made to outlive whoever started it.
  const end = (signal: NodeJS.Signals) => process.exit(128 + constants.signals[signal]);
  process.once('exit', abandon);
  for (const signal of ENDING_SIGNALS) process.once(signal, end);
  try {
    return await run(cast, folder);
  } finally {
    process.off('exit', abandon);
    for (const signal of ENDING_SIGNALS) process.off(signal, end);
    await cast.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function pidOf(cast: SupervisionCast, name: string): Promise<number> {
  const { workers } = await cast.view();
  return workers.find((worker) => worker.name === name)?.pid ?? 0;
}

async function crash(cast: SupervisionCast, count: number): Promise<number[]> {
  const timesMs: number[] = [];
  await cast.begin();
  let ready = cast.next(isOf('ready', 'crashes'));
  // A period in which nothing fails is over at once: no pause is part of what is measured.
  cast.desire([
    { key: 'workers/crashes', value: { command: ['sleep', '1000000'] } },
    { key: 'groups/default', value: { periodMs: 1 } },
  ]);
  await ready;
  for (let i = 0; i < count; i++) {
    const pid = await pidOf(cast, 'crashes');
    ready = cast.next(isOf('ready', 'crashes'));
    const startMs = nowMs();
    process.kill(pid, 'SIGKILL');
    await ready;
    timesMs.push(nowMs() - startMs);
  }
  return timesMs;
}

async function crashLoop(cast: SupervisionCast): Promise<{ stopped: boolean; starts: number }> {
  await cast.begin();
  const givenUp = cast.next(isOf('given-up', 'loops'));
  const beside = cast.next(isOf('ready', 'stays'));
  cast.desire([
    { key: 'workers/loops', value: { command: ['false'] } },
    { key: 'workers/stays', value: { command: ['sleep', '1000000'], group: 'other' } },
  ]);
  await givenUp;
  await beside;
  const starts = cast.events.filter(isOf('starting', 'loops')).length;
  const { workers, groups } = await cast.view();
  const stateOf = (name: string) => workers.find((worker) => worker.name === name)?.state;
  const isGivenUp = groups.find(({ name }) => name === 'default')?.givenUp !== null;
  const stopped = isGivenUp && stateOf('loops') === 'given-up' && stateOf('stays') === 'ready';
  return { stopped, starts };
}

async function stall(cast: SupervisionCast, count: number): Promise<number[]> {
  const timesMs: number[] = [];
  await cast.begin();
  const module = fileURLToPath(new URL('./supervision-worker.js', import.meta.url));
  let ready = cast.next(isOf('ready', 'beats'));
  cast.desire([
    { key: 'workers/beats', value: { module, ready: 'notify', beatMs: BEAT_MS } },
    { key: 'groups/default', value: { periodMs: 1 } },
  ]);
  for (let i = 0; i < count; i++) {
    await ready;
    const pid = await pidOf(cast, 'beats');
    const replaced = cast.next(isOf('starting', 'beats'));
    ready = cast.next(isOf('ready', 'beats'));
    const startMs = nowMs();
    process.kill(pid, 'SIGSTOP');
    await replaced;
    timesMs.push(nowMs() - startMs);
  }
  await ready;
  return timesMs;
}

async function plain(cast: SupervisionCast, count: number): Promise<PlainCommands> {
  const names = Array.from({ length: count }, (_, i) => `plain${i}`);
  const patienceMs = COMMAND_PATIENCE_MS * Math.max(20, count / 10);
  const of = (type: WorkerEvent['type']) => {
    const events = cast.events.filter((event) => event.type === type);
    return events.map((event) => ('worker' in event ? event.worker : '')).join();
  };
  await cast.begin();
  const all = cast.next(isOf('ready', names.at(-1) ?? ''), patienceMs);
  const beginMs = nowMs();
  cast.desire(
    names.map((name, order) => ({
      key: `workers/${name}`,
      value: { command: ['sleep', '1000000'], order },
    })),
  );
  await all;
  const startedMs = nowMs();
  const startedInOrder = of('ready') === names.join();
  const rest = cast.next(({ type }) => type === 'suspended', patienceMs);
  cast.drain();
  await rest;
  return {
    count,
    startedInOrder,
    stoppedInOrder: of('ended') === [...names].reverse().join(),
    startMs: startedMs - beginMs,
    stopMs: nowMs() - startedMs,
  };
}

/** Runs all of it on this host. */
export async function runSupervision(options: SupervisionOptions): Promise<SupervisionResult> {
  const { progress } = options;
  const crashToRunningMs = await withCast((cast) => crash(cast, options.crashes));
  progress(`${options.crashes} crashes`);
  const { stopped, starts } = await withCast(crashLoop);
  progress(`a loop of crashes: ${stopped ? 'stopped' : 'NOT STOPPED'} after ${starts} starts`);
  const stalledReplacedMs = await withCast((cast) => stall(cast, options.stalls));
  progress(`${options.stalls} stalls`);
  const kills = await withCast((cast, folder) =>
    killControllers(cast, folder, options.kills, progress),
  );
  const plainCommands = await withCast((cast) => plain(cast, options.commands));
  progress(`${options.commands} plain commands started and stopped`);
  const twoControllers = await pairControllers(options.pairs);
  progress(`${options.pairs} pairs of controllers started`);
  return {
    crashToRunningMs,
    crashLoopStopped: stopped,
    crashLoopStarts: starts,
    beatMs: BEAT_MS,
    stalledReplacedMs,
    ...kills,
    plainCommands,
    twoControllers,
  };
}
