/**
 * What happened, told apart: processes that stand still, processes that are killed, hosts without
 * power, planes that are cut, and nodes that are nothing but busy. Each many times, with the time
 * until those who watch have told it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess } from '../../runtime/child-process.js';
import { systemRuntime } from '../../runtime/index.js';
import { createLab, type Lab } from '../network/lab.js';
import { Cast, FIRST_VICTIM_HOST, type Member } from './liveness-cast.js';
import { PATIENCE_MS } from './party.js';

export interface LivenessOptions {
  /** Of each class. */
  readonly trials: number;
  /** That many are tried at the same time. */
  readonly victims: number;
  /** How long an event loop is blocked in the class of that name. */
  readonly blockMs: number;
  progress(line: string): void;
}

/**
 * - `blocked`: an event loop stands still at random, all else is quiet.
 * - `saturated`: the same, while other programs want the whole processor.
 * - `lossy`: the same, while one plane of each victim loses 5 % of its frames, under calls.
 * - `idle-path`: the plane that carries no traffic is cut.
 * - `cut`: both planes are cut.
 * - `kill`: SIGKILL.
 * - `power-off`: the host is gone without a word.
 */
export type LivenessClass =
  | 'blocked'
  | 'saturated'
  | 'lossy'
  | 'idle-path'
  | 'cut'
  | 'kill'
  | 'power-off';

/** What one class did. */
export interface ClassResult {
  readonly name: LivenessClass;
  readonly trials: number;
  /** Until it was told, of each trial at each end that can tell; by links with near peers. */
  readonly nearMs: readonly number[];
  /** The same by the links with the far peer; only where they have time to tell it. */
  readonly farMs: readonly number[];
  /** Trials of which somebody who should have told them did not. */
  readonly missed: number;
  /** Nodes told down that were not. */
  readonly falseNodedown: number;
}

export interface LivenessResult {
  readonly classes: readonly ClassResult[];
  /** Peers told stalled that were not, while nothing else was wrong. */
  readonly falseStalled: number;
  /** Names of the sysctls under net.sctp that are not what they were. */
  readonly sysctlsChanged: readonly string[];
}

const LOSS_SHARE = 0.05;
const LOSSY_PLANE = 'a';
/** The one that is not primary. */
const IDLE_PLANE = 'b';
const CALLS_PER_SECOND = 5;
const SPINNERS = 2;
/** In classes that are not about the stall itself: longer than the stall of the near profile. */
const SHORT_BLOCK_MS = 3000;
/** Trials of one round begin at random within this time. */
const SPREAD_MS = 1000;
/** One after the other, lest a dying process is still at work when the next one's end is timed. */
const KILL_EVERY_MS = 150;
const CALM_MS = 500;

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

function random(below: number): number {
  return (systemRuntime.random.bytes(4).readUInt32BE() / 2 ** 32) * below;
}

/** Figures of a class as they come. */
class Tally {
  readonly nearMs: number[] = [];
  readonly farMs: number[] = [];
  trials = 0;
  missed = 0;
}

class Liveness {
  readonly #options: LivenessOptions;
  readonly #lab: Lab;
  readonly #cast: Cast;
  #falseStalled = 0;

  constructor(options: LivenessOptions, lab: Lab, cast: Cast) {
    this.#options = options;
    this.#lab = lab;
    this.#cast = cast;
  }

  async run(): Promise<LivenessResult> {
    const { blockMs } = this.#options;
    const before = this.#cast.sysctls();
    await this.#cast.start();
    const classes: ClassResult[] = [];
    const each = async (name: LivenessClass, round: Round) => {
      classes.push(await this.#class(name, round));
    };
    await each('blocked', (victims, tally) => this.#blocked(victims, tally, blockMs, true));
    await each('saturated', (victims, tally) => this.#saturated(victims, tally));
    await each('lossy', (victims, tally) => this.#lossy(victims, tally));
    await each('idle-path', (victims, tally) => this.#idlePath(victims, tally));
    await each('cut', (victims, tally) => this.#cut(victims, tally));
    await each('kill', (victims, tally) => this.#kill(victims, tally));
    await each('power-off', (victims, tally) => this.#powerOff(victims, tally));
    const after = this.#cast.sysctls();
    const names = new Set([...before.keys(), ...after.keys()]);
    const sysctlsChanged = [...names].filter((name) => before.get(name) !== after.get(name));
    return { classes, falseStalled: this.#falseStalled, sysctlsChanged };
  }

  /** Rounds of as many trials as there are victims, and a smaller one at the end. */
  async #class(name: LivenessClass, round: Round): Promise<ClassResult> {
    const { trials, progress } = this.#options;
    const tally = new Tally();
    const startMs = nowMs();
    this.#cast.falseNodedown = [];
    while (tally.trials < trials) {
      this.#cast.clear();
      const victims = this.#cast.victims.slice(0, trials - tally.trials);
      tally.trials += victims.length;
      await round(victims, tally);
    }
    for (const { by, event } of this.#cast.falseNodedown) {
      progress(`${name}: ${by.name} took ${event.peer} for down`);
    }
    const { nearMs, farMs, missed } = tally;
    const seconds = ((nowMs() - startMs) / 1000).toFixed(0);
    const maxMs = Math.max(0, ...nearMs).toFixed(0);
    progress(`${name}: ${tally.trials} trials in ${seconds} s, told within ${maxMs} ms`);
    const falseNodedown = this.#cast.falseNodedown.length;
    return { name, trials: tally.trials, nearMs, farMs, missed, falseNodedown };
  }

  /** @param isQuiet Whether a stall that is told can only be one of these. */
  async #blocked(
    victims: readonly Member[],
    tally: Tally,
    blockMs: number,
    isQuiet: boolean,
  ): Promise<void> {
    const { near, far } = this.#cast;
    const blocks = await Promise.all(
      victims.map(async (victim) => {
        await sleep(random(2 * SPREAD_MS));
        victim.party.command({ type: 'block', durationMs: blockMs });
        const { fromNs, toNs } = await victim.party.report('blocked', blockMs + PATIENCE_MS);
        return { victim, fromMs: Number(BigInt(fromNs)) / 1e6, toMs: Number(BigInt(toNs)) / 1e6 };
      }),
    );
    for (const { victim, fromMs } of blocks) {
      for (const by of [near, far]) {
        const stalled = () => this.#cast.seen(by, 'stalled', victim, fromMs);
        const resumed = () => this.#cast.seen(by, 'resumed', victim, fromMs);
        // What was never told stalled has nothing to resume from.
        await this.#cast.until(
          `${by.name} hears of ${victim.name} again`,
          PATIENCE_MS,
          () => resumed().length >= stalled().length,
        );
        const [first] = stalled();
        if (first !== undefined) {
          (by === near ? tally.nearMs : tally.farMs).push(first.atMs - fromMs);
        } else if (by === near || blockMs > 2 * SHORT_BLOCK_MS) tally.missed++;
      }
    }
    if (!isQuiet) return;
    this.#falseStalled += this.#cast.every('stalled').filter(({ event, atMs }) => {
      const block = blocks.find(({ victim }) => victim.name === event.peer);
      return block === undefined || atMs < block.fromMs || atMs > block.toMs + CALM_MS;
    }).length;
  }

  async #saturated(victims: readonly Member[], tally: Tally): Promise<void> {
    const spinners: ChildProcess[] = [];
    for (let i = 0; i < SPINNERS; i++) {
      spinners.push(this.#cast.near.host.spawn(['sh', '-c', 'while :; do :; done']));
    }
    await this.#blocked(victims, tally, SHORT_BLOCK_MS, false);
    const ends = spinners.map(
      (each) => new Promise<void>((resolve) => void each.once('exit', () => resolve())),
    );
    for (const each of spinners) each.kill('SIGKILL');
    await Promise.all(ends);
    await this.#cast.whole();
  }

  async #lossy(victims: readonly Member[], tally: Tally): Promise<void> {
    for (const { host, party } of victims) {
      this.#lab.impair(LOSSY_PLANE, host.number, { lossShare: LOSS_SHARE });
      party.command({ type: 'call', perSecond: CALLS_PER_SECOND });
    }
    await this.#blocked(victims, tally, SHORT_BLOCK_MS, false);
    for (const { host, party } of victims) {
      this.#lab.impair(LOSSY_PLANE, host.number, null);
      party.command({ type: 'call', perSecond: 0 });
    }
    await this.#cast.whole();
  }

  async #idlePath(victims: readonly Member[], tally: Tally): Promise<void> {
    const { near } = this.#cast;
    const cuts = await Promise.all(
      victims.map(async (victim, i) => {
        await sleep(random(SPREAD_MS));
        const fault = (['blackhole', 'switch-port', 'link-down'] as const)[i % 3]!;
        return { victim, atMs: this.#lab.cut(fault, IDLE_PLANE, victim.host.number) };
      }),
    );
    for (const { victim, atMs } of cuts) {
      for (const [by, of] of [
        [near, victim],
        [victim, near],
      ] as const) {
        const lost = () =>
          this.#cast
            .seen(by, 'redundancy', of, atMs)
            .filter(({ event }) => event.kind === 'redundancy' && event.state === 'lost');
        await this.#told(lost, tally.nearMs, atMs, tally);
      }
    }
    this.#lab.heal();
    await this.#cast.whole();
    await sleep(CALM_MS);
  }

  /** Near and far links of a victim end with the same cut, each in its own time. */
  async #cut(victims: readonly Member[], tally: Tally): Promise<void> {
    const { near, far } = this.#cast;
    const cuts = await Promise.all(
      victims.map(async (victim, i) => {
        await sleep(random(SPREAD_MS));
        victim.isOut = true;
        const fault = (['blackhole', 'switch-port', 'link-down'] as const)[i % 3]!;
        const times = this.#lab.planes.map((plane) =>
          this.#lab.cut(fault, plane, victim.host.number),
        );
        return { victim, atMs: times[0]! };
      }),
    );
    for (const { victim, atMs } of cuts) {
      for (const other of [near, far]) {
        const list = other === near ? tally.nearMs : tally.farMs;
        await this.#told(() => this.#cast.seen(other, 'nodedown', victim, atMs), list, atMs, tally);
        await this.#told(() => this.#cast.seen(victim, 'nodedown', other, atMs), list, atMs, tally);
      }
    }
    this.#lab.heal();
    await this.#cast.whole();
    await sleep(CALM_MS);
  }

  async #kill(victims: readonly Member[], tally: Tally): Promise<void> {
    const { near } = this.#cast;
    for (const victim of victims) {
      await sleep(random(KILL_EVERY_MS));
      victim.isOut = true;
      const atMs = nowMs();
      const gone = victim.party.kill();
      await this.#told(
        () => this.#cast.seen(near, 'nodedown', victim, atMs),
        tally.nearMs,
        atMs,
        tally,
      );
      await gone;
    }
    await this.#cast.restart(victims);
    await sleep(CALM_MS);
  }

  /** Its ports go first, so that nothing of what its kernel has to say gets out. */
  async #powerOff(victims: readonly Member[], tally: Tally): Promise<void> {
    const { near } = this.#cast;
    const offs = await Promise.all(
      victims.map(async (victim) => {
        await sleep(random(SPREAD_MS));
        victim.isOut = true;
        const times = this.#lab.planes.map((plane) =>
          this.#lab.cut('link-down', plane, victim.host.number),
        );
        await victim.party.kill();
        return { victim, atMs: times[0]! };
      }),
    );
    for (const { victim, atMs } of offs) {
      await this.#told(
        () => this.#cast.seen(near, 'nodedown', victim, atMs),
        tally.nearMs,
        atMs,
        tally,
      );
    }
    this.#lab.heal();
    await this.#cast.restart(victims);
    await sleep(CALM_MS);
  }

  /** Waits until something is told, and notes how long it took. */
  async #told(
    find: () => readonly { readonly atMs: number }[],
    list: number[],
    fromMs: number,
    tally: Tally,
  ): Promise<void> {
    try {
      await this.#cast.until('nobody tells', PATIENCE_MS, () => find().length > 0);
      list.push(find()[0]!.atMs - fromMs);
    } catch {
      tally.missed++;
    }
  }
}

type Round = (victims: readonly Member[], tally: Tally) => Promise<void>;

/**
 * Runs all classes in a lab of this process.
 * @throws LabError ERR_LAB when a process fails to do its part, or links do not come up again.
 */
export async function runLiveness(options: LivenessOptions): Promise<LivenessResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-liveness-'));
  const lab = await createLab({ hosts: FIRST_VICTIM_HOST - 1 + options.victims });
  try {
    return await new Liveness(options, lab, new Cast(lab, folder)).run();
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
