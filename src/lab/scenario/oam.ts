/**
 * Operation and maintenance apart from traffic: calls between two workers while snapshots are
 * taken, the configuration is watched a thousandfold, and logs are read; commits while the workers
 * send as much as they can; and calls while all controllers are away.
 *
 * With and without are measured by turns in one run. All processes share what processors there are,
 * and are of one machine as it would be under systemd: workers, and what belongs to operation and
 * maintenance, have the control groups and the priority that the unit of the controller gives them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../../errors.js';
import { createLab } from '../network/lab.js';
import { analyse, type Delivery } from '../recording/analysis.js';
import { readRecording } from '../recording/read.js';
import type { Recording } from '../recording/recorder.js';
import { type CallTime, callTimes } from './call-times.js';
import { nowMs } from './cluster-cast.js';
import { splitGap } from './gap.js';
import { OAM_PROFILE, OamCast, type OamProgram } from './oam-cast.js';
import { type OamDone, oamFiles } from './oam-protocol.js';
import { processorTicks, processTicks } from './usage.js';

export { OAM_PROFILE };

const HOSTS = 3;
/** Steady traffic: enough to have a 99th of 100, and little enough to leave a processor. */
const CALLS_PER_SECOND = 200;
/** What was before is over. */
const SETTLE_MS = 1000;
/** Controllers are away for so long, after the last of them has ended. */
const AWAY_MS = 2000;
/** For what hangs; it judges nothing. */
const WITHIN_MS = 180_000;

export interface OamOptions {
  readonly keys: number;
  readonly watchers: number;
  /** Of windows with and without, of calls and of commits each. */
  readonly pairs: number;
  /** One window; with snapshots it is as long as one takes, if that is longer. */
  readonly windowMs: number;
  /** Before what is counted, besides one window of each kind: engines compile what they run. */
  readonly warmUpMs: number;
  /** How all controllers end, one after the other. */
  readonly ends: readonly ControllersGone['how'][];
  /** The program `backplane`: what comes before its own arguments. */
  readonly command: readonly string[];
  progress(line: string): void;
}

/** From when to when, in milliseconds on the clock of `process.hrtime`. */
interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What was measured in windows of two kinds, of all of a kind together. */
export interface Compared {
  readonly plain: readonly number[];
  readonly loaded: readonly number[];
}

/** All controllers were away. */
export interface ControllersGone {
  readonly how: 'stopped' | 'killed';
  /** From their end until the cluster was up again. */
  readonly awayMs: number;
  readonly gapMs: number;
}

export interface OamResult {
  /** How long calls took without operation and maintenance, and with it. */
  readonly callsMs: Compared;
  /** From a write to its being seen at another host, without traffic and with all there can be. */
  readonly commitsMs: Compared;
  /** Of all the time of all processors, what workers left while they sent as much as they could. */
  readonly shareLeft: number;
  readonly processors: number;
  readonly floodPerSecond: number;
  readonly floodLost: number;
  readonly gone: readonly ControllersGone[];
  /** Workers that were not the same process at the end as at the beginning. */
  readonly workersReplaced: number;
  readonly delivery: Delivery;
  readonly unanswered: number;
  readonly reconnects: number;
  readonly nodedown: number;
  readonly done: OamDone;
  readonly nice: number;
  /** Whether controllers and workers were in control groups of their own. */
  readonly isDivided: boolean;
  /** Controllers and workers that were in the wrong one, after all controllers had come back. */
  readonly misplaced: number;
}

class Oam {
  readonly #cast: OamCast;
  readonly #options: OamOptions;
  readonly #with: Window[] = [];
  readonly #without: Window[] = [];
  readonly #idle: Window[] = [];
  readonly #busy: Window[] = [];
  readonly #gone: (Window & Pick<ControllersGone, 'how'>)[] = [];
  #floodTicks = 0;
  #allTicks = 0;
  #flooded = 0;
  #floodMs = 0;
  #floodLost = 0;

  constructor(cast: OamCast, options: OamOptions) {
    this.#cast = cast;
    this.#options = options;
  }

  async run(folder: string): Promise<OamResult> {
    const before = await this.#cast.workerPids();
    await this.#traffic();
    await this.#commits();
    await this.#controllersGo();
    const after = await this.#cast.workerPids();
    const { misplaced } = this.#cast;
    const ended = await this.#finish();
    const read = (file: string) => readRecording(path.join(folder, file));
    const called = await read(oamFiles.called);
    const taken = await read(oamFiles.taken);
    const calls = callTimes(called, await read(oamFiles.answered));
    const commits = callTimes(await read(oamFiles.written), await read(oamFiles.seen));
    return {
      callsMs: { plain: within(calls, this.#without), loaded: within(calls, this.#with) },
      commitsMs: { plain: within(commits, this.#idle), loaded: within(commits, this.#busy) },
      shareLeft: 1 - this.#floodTicks / this.#allTicks,
      processors: availableParallelism(),
      floodPerSecond: (this.#flooded / this.#floodMs) * 1000,
      floodLost: this.#floodLost,
      gone: this.#gone.map((each) => ({
        how: each.how,
        awayMs: each.toMs - each.fromMs,
        gapMs: gapIn(taken, each),
      })),
      workersReplaced: after.filter((pid) => !before.includes(pid)).length,
      delivery: analyse(called, taken),
      ...ended,
      nice: this.#cast.services.controller.nice,
      isDivided: this.#cast.services.controller.group !== null,
      misplaced,
    };
  }

  /** Steady calls, with and without operation and maintenance by turns. */
  async #traffic(): Promise<void> {
    const { pairs, progress } = this.#options;
    await this.#steadily(async () => {
      await this.#operated();
      for (let pair = 1; pair <= pairs; pair++) {
        await sleep(SETTLE_MS);
        const window = await this.#operated();
        this.#with.push(window);
        await sleep(SETTLE_MS);
        this.#without.push(await during(window.toMs - window.fromMs));
        progress(`calls: ${pair} of ${pairs} pairs, ${seconds(window.toMs - window.fromMs)} each`);
      }
    });
  }

  async #steadily(work: () => Promise<void>): Promise<void> {
    this.#cast.caller.command({ type: 'begin', callsPerSecond: CALLS_PER_SECOND });
    await sleep(this.#options.warmUpMs);
    await work();
    this.#cast.caller.command({ type: 'rest' });
    await this.#cast.caller.report('rested');
  }

  /** Everything that operators do, for as long as a window, and until a snapshot was whole. */
  async #operated(): Promise<Window> {
    const programs = Object.values(this.#cast.programs);
    const whole = new Promise<void>((resolve) => {
      this.#cast.onSnapshot = resolve;
    });
    for (const program of programs) program.command({ type: 'begin' });
    const fromMs = nowMs();
    await sleep(this.#options.windowMs);
    await this.#inTime('a snapshot', whole);
    const toMs = nowMs();
    await rest(programs);
    return { fromMs, toMs };
  }

  /** Commits, with all traffic there can be and without any by turns. */
  async #commits(): Promise<void> {
    const { pairs, windowMs, warmUpMs, progress } = this.#options;
    const { programs } = this.#cast;
    programs.writer.command({ type: 'begin' });
    await sleep(warmUpMs);
    await this.#flood();
    for (let pair = 1; pair <= pairs; pair++) {
      this.#idle.push(await during(windowMs));
      const { window, workers, all } = await this.#flood();
      this.#busy.push(window);
      this.#floodTicks += workers;
      this.#allTicks += all;
      progress(`commits: ${pair} of ${pairs} pairs`);
    }
    await rest([programs.writer]);
  }

  /** All traffic there can be, and what the workers had of the ticks meanwhile. */
  async #flood() {
    const { caller } = this.#cast;
    const startMs = nowMs();
    caller.command({ type: 'flood' });
    await sleep(SETTLE_MS);
    const ticks = this.#ticks();
    const window = await during(this.#options.windowMs);
    const later = this.#ticks();
    caller.command({ type: 'rest' });
    this.#floodMs += nowMs() - startMs;
    const { flooded, floodLost } = await caller.report('rested', WITHIN_MS);
    this.#flooded += flooded;
    this.#floodLost += floodLost;
    await sleep(SETTLE_MS);
    return { window, workers: later.workers - ticks.workers, all: later.all - ticks.all };
  }

  #ticks(): { readonly workers: number; readonly all: number } {
    const { caller, answerer } = this.#cast;
    const workers = processTicks(caller.pid) + processTicks(answerer.pid);
    return { workers, all: processorTicks().all };
  }

  /** All controllers end at once and start again, under steady calls. */
  async #controllersGo(): Promise<void> {
    const { cluster } = this.#cast;
    await this.#steadily(async () => {
      for (const how of this.#options.ends) {
        const signal = how === 'stopped' ? 'SIGTERM' : 'SIGKILL';
        const fromMs = nowMs();
        await Promise.all(cluster.all.map((member) => cluster.kill(member, signal)));
        await sleep(AWAY_MS);
        const marks = cluster.all.map(({ mark }) => mark);
        await Promise.all(cluster.all.map((member) => cluster.start(member)));
        await this.#cast.up(marks);
        this.#gone.push({ how, fromMs, toMs: nowMs() });
        this.#options.progress(
          `all controllers ${how}, and back after ${seconds(nowMs() - fromMs)}`,
        );
      }
    });
  }

  async #finish() {
    const { caller, answerer, programs } = this.#cast;
    caller.command({ type: 'finish' });
    const { unanswered, linked, nodedown } = await caller.report('finished');
    answerer.command({ type: 'finish' });
    const far = await answerer.report('finished');
    const all = Object.values(programs);
    for (const program of all) program.command({ type: 'finish' });
    const told = await Promise.all(all.map((program) => program.report('finished')));
    return {
      unanswered,
      reconnects: Math.max(linked, far.linked) - 1,
      nodedown,
      done: told.map(({ done }) => done).reduce(sumOf),
    };
  }

  async #inTime<T>(what: string, work: Promise<T>): Promise<T> {
    const ended = new AbortController();
    const late = sleep(WITHIN_MS, undefined, { signal: ended.signal }).then(() => {
      throw new LabError('ERR_LAB', `${what}: not within ${WITHIN_MS} ms`);
    });
    const failures = Object.values(this.#cast.programs).map(({ failed }) => failed);
    // What was not needed is rejected as it is given up.
    late.catch(() => {});
    try {
      return await Promise.race([work, late, ...failures]);
    } finally {
      ended.abort();
    }
  }
}

async function rest(programs: readonly OamProgram[]): Promise<void> {
  for (const program of programs) program.command({ type: 'rest' });
  await Promise.all(programs.map((program) => program.report('rested', WITHIN_MS)));
}

async function during(ms: number): Promise<Window> {
  const fromMs = nowMs();
  await sleep(ms);
  return { fromMs, toMs: nowMs() };
}

function within(times: readonly CallTime[], windows: readonly Window[]): number[] {
  const isIn = ({ atMs }: CallTime) =>
    windows.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  return times.filter(isIn).map(({ tookMs }) => tookMs);
}

function gapIn({ timesNs }: Recording, { fromMs, toMs }: Window): number {
  const timesMs = Array.from(timesNs, (ns) => Number(ns) / 1e6);
  return splitGap(timesMs, fromMs, toMs, null).gapMs;
}

function sumOf(one: OamDone, two: OamDone): OamDone {
  return {
    snapshotsMs: [...one.snapshotsMs, ...two.snapshotsMs],
    watchEvents: one.watchEvents + two.watchEvents,
    refused: one.refused + two.refused,
    logReads: one.logReads + two.logReads,
    logBytes: one.logBytes + two.logBytes,
    statuses: one.statuses + two.statuses,
    scrapes: one.scrapes + two.scrapes,
    unansweredQuestions: [...one.unansweredQuestions, ...two.unansweredQuestions],
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Runs it in a lab of this process.
 * @throws LabError ERR_LAB when a process fails to do its part.
 */
export async function runOam(options: OamOptions): Promise<OamResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-oam-'));
  const lab = await createLab({ hosts: HOSTS });
  const { keys, watchers, command, progress } = options;
  try {
    const cast = await OamCast.start(lab, folder, command, { keys, watchers });
    progress(`a cluster with ${keys} keys, two workers and four programs`);
    try {
      return await new Oam(cast, options).run(folder);
    } finally {
      cast.close();
    }
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
