/**
 * The main job: two nodes, two planes, one pulled cable, and the same traffic over TCP beside it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { profiles } from '../../timing/profiles.js';
import { resolveProfile } from '../../timing/resolve.js';
import { worstCase } from '../../timing/worst-case.js';
import type { Fault } from '../network/faults.js';
import { createLab, type Lab } from '../network/lab.js';
import type { Delivery } from '../recording/analysis.js';
import { RECEIVER, SENDER } from './ends.js';
import { type GapParts, splitGap } from './gap.js';
import { Picture } from './picture.js';
import type { NodeEvent, Replies, Role, TrafficPlan } from './protocol.js';
import { TrafficSession } from './session.js';
import { gapViolations, trafficViolations } from './verdict.js';

/**
 * 1,000 messages a second for 10 s, one in ten asks for a reply; plane a is cut at 3 s and healed
 * at 7 s.
 */
export const demoPlan: TrafficPlan = {
  messagesPerSecond: 1000,
  durationMs: 10_000,
  bodyBytes: 64,
  replyEvery: 10,
};
export const CUT_AT_MS = 3000;
export const HEAL_AT_MS = 7000;
export const CUT_PLANE = 'a';

/** How long what is under way at the end may take: TCP may be in the middle of a long back-off. */
const SETTLE_MS = 12_000;
const PICTURE_EVERY_MS = 200;
const FILE_WITHIN_MS = 120_000;

export interface DemoOptions {
  readonly fault: Fault;
  /** Name of the profile. Default `lan`. */
  readonly profile?: keyof typeof profiles;
  /** A file to carry through the cut. */
  readonly file?: string;
  /** Folder for the recordings. */
  readonly folder: string;
  /** Where the picture goes. */
  write(text: string): void;
  /** Draw the rates in place (a terminal) instead of line by line. */
  readonly redraw: boolean;
}

/** What the demo found. */
export interface DemoResult {
  readonly sctp: Delivery;
  readonly tcp: Delivery;
  readonly replies: Replies;
  readonly reconnects: number;
  readonly nodedown: number;
  /** The parts of the longest silence from the cut on. */
  readonly gap: GapParts;
  /** What the profile promises for it, with this kernel's tick. */
  readonly promisedGapMs: number;
  /** The longest silence of the whole run, cut or not. */
  readonly longestGapMs: number;
  readonly sha256Match?: boolean;
  readonly fileBytes?: number;
}

/** Messages and packets counted at two moments, as rates. */
class Rates {
  #lastMs: number;
  #last: readonly number[];

  constructor(nowMs: number, counts: readonly number[]) {
    this.#lastMs = nowMs;
    this.#last = counts;
  }

  perSecond(nowMs: number, counts: readonly number[]): number[] {
    const seconds = Math.max(nowMs - this.#lastMs, 1) / 1000;
    const rates = counts.map((count, i) => (count - this.#last[i]!) / seconds);
    this.#lastMs = nowMs;
    this.#last = counts;
    return rates;
  }
}

const hrtimeMs = (): number => Number(process.hrtime.bigint()) / 1e6;

function describe(event: NodeEvent): string {
  switch (event.kind) {
    case 'path':
      return `path ${event.plane}: ${event.change}`;
    case 'redundancy':
      return `redundancy ${event.state}`;
    case 'nodedown':
      return `nodedown ${event.node}: ${event.reason}`;
    default:
      return `${event.kind} ${event.node}`;
  }
}

/** Everything that happens while the demo runs. */
class Demo {
  readonly #picture: Picture;
  #startMs: number | null = null;
  #cutMs: number | null = null;
  #cut = false;
  #noticedMs: number | null = null;

  constructor(
    readonly options: DemoOptions,
    readonly lab: Lab,
  ) {
    this.#picture = new Picture(options.write, options.redraw);
  }

  async run(): Promise<DemoResult> {
    const { profile = 'lan', folder, file } = this.options;
    const session = await TrafficSession.start({
      lab: this.lab,
      folder,
      profile,
      tcp: true,
      maxMessages: (demoPlan.messagesPerSecond * demoPlan.durationMs) / 1000 + 1000,
      onEvent: (side, event, atMs) => this.#onEvent(side, event, atMs),
    });
    const { startMs } = session.begin(demoPlan);
    this.#startMs = startMs;
    const picture = setInterval(this.#pictureOf(session, startMs), PICTURE_EVERY_MS);
    const carried =
      file === undefined ? null : session.carry(file, demoPlan.durationMs - 1000, FILE_WITHIN_MS);
    carried?.catch(() => {});
    await this.#pullTheCable(startMs);
    await session.settle(demoPlan.durationMs, SETTLE_MS);
    const files = await carried;
    clearInterval(picture);
    const result = await session.finish();
    const receivedMs = Array.from(result.received.timesNs, (ns) => Number(ns) / 1e6);
    return {
      sctp: result.sctp,
      tcp: result.tcp!,
      replies: result.replies,
      reconnects: result.reconnects,
      nodedown: result.nodedown,
      longestGapMs: result.sctp.longestGapMs,
      gap: splitGap(receivedMs, this.#cutMs!, startMs + HEAL_AT_MS, this.#noticedMs),
      promisedGapMs: worstCase(resolveProfile(profile)).busyGapMs,
      ...(files === null
        ? {}
        : {
            sha256Match: files.read.sha256 === files.arrived.sha256,
            fileBytes: files.arrived.bytes,
          }),
    };
  }

  async #pullTheCable(startMs: number): Promise<void> {
    const { fault } = this.options;
    await sleep(startMs + CUT_AT_MS - hrtimeMs());
    this.#cutMs = this.lab.cut(fault, CUT_PLANE, RECEIVER);
    this.#cut = true;
    this.#say(
      this.#cutMs,
      `CUT: ${fault} on plane ${CUT_PLANE} at ${this.lab.host(RECEIVER).name}`,
    );
    await sleep(startMs + HEAL_AT_MS - hrtimeMs());
    const healedMs = this.lab.heal();
    this.#cut = false;
    this.#say(healedMs, `HEALED: plane ${CUT_PLANE}`);
  }

  #onEvent(side: Role, event: NodeEvent, atMs: number): void {
    const isNotice =
      side === 'sender' &&
      event.kind === 'path' &&
      event.plane === CUT_PLANE &&
      (event.change === 'potentially-failed' || event.change === 'unreachable');
    if (isNotice && this.#cutMs !== null && atMs >= this.#cutMs) this.#noticedMs ??= atMs;
    this.#say(atMs, `${side.padEnd(8)} ${describe(event)}`);
  }

  #say(atMs: number, text: string): void {
    this.#picture.event(this.#startMs === null ? null : atMs - this.#startMs, text);
  }

  #pictureOf(session: TrafficSession, startMs: number): () => void {
    const { lab } = this;
    const counts = () => [
      session.arrived.sctp,
      session.arrived.tcp,
      ...lab.planes.map((plane) => lab.host(SENDER).counters(plane).sentFrames),
    ];
    const rates = new Rates(startMs, counts());
    return () => {
      const nowMs = hrtimeMs();
      const [sctp, tcp, ...planes] = rates.perSecond(nowMs, counts());
      this.#picture.rates(
        {
          elapsedMs: nowMs - startMs,
          planes: lab.planes.map((name, i) => ({
            name,
            perSecond: planes[i]!,
            cut: this.#cut && name === CUT_PLANE,
          })),
          receivedPerSecond: { sctp: sctp!, tcp: tcp! },
        },
        2.5 * demoPlan.messagesPerSecond,
      );
    };
  }
}

/**
 * Runs the demo in a lab of this process.
 * @throws LabError ERR_LAB when a node fails to do its part.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const lab = await createLab({ hosts: 2 });
  try {
    return await new Demo(options, lab).run();
  } finally {
    await lab.close();
  }
}

/**
 * Two processes that share one slow CPU wake each other late: this much is granted on top of what
 * the profile's timers promise. Measured with the profile lan in the guest: see the command's own
 * table.
 */
const ALLOWANCE_MS = 90;

/** The longest silence the demo accepts. */
export function demoGapLimitMs(result: DemoResult): number {
  return result.promisedGapMs + ALLOWANCE_MS;
}

/** What a run must show, as sentences about what it did not. */
export function demoViolations(result: DemoResult): string[] {
  return [
    ...trafficViolations(result),
    ...gapViolations('longest silence', result.longestGapMs, demoGapLimitMs(result)),
    ...(result.sha256Match === false ? ['the file that arrived is another one'] : []),
  ];
}
