/** Many cuts of every kind, one after the other, under one link with steady traffic. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../../errors.js';
import type { profiles } from '../../timing/profiles.js';
import type { Direction, Fault } from '../network/faults.js';
import { createLab, type Lab } from '../network/lab.js';
import type { Delivery } from '../recording/analysis.js';
import { RECEIVER, SENDER } from './ends.js';
import { type GapParts, splitGap } from './gap.js';
import type { NodeEvent, Replies, Role } from './protocol.js';
import { TrafficSession } from './session.js';

/** One way to cut the plane that carries the traffic. */
export interface Cut {
  readonly fault: Fault;
  /** Host whose port is meant. */
  readonly host: number;
  /** For `one-way`. */
  readonly direction: Direction;
}

const CUT_PLANE = 'a';
const MESSAGES_PER_SECOND = 1000;
const BODY_BYTES = 64;
const REPLY_EVERY = 10;
/** Long enough for a plane to be found dead and for a few back-offs on it. */
const HOLD_MS = 1500;
/** Both ends must see the plane again within this time after it healed. */
const RECOVERY_MS = 8000;
/** Traffic runs undisturbed for so long before each cut, so that gaps are told apart. */
const CALM_MS = 500;
const POLL_MS = 20;
const SETTLE_MS = 5000;

/** Every kind at each host and in each direction, round and round. */
export function planCuts(count: number): Cut[] {
  const kinds: Cut[] = [];
  for (const host of [RECEIVER, SENDER]) {
    for (const fault of ['link-down', 'switch-port', 'blackhole'] as const) {
      kinds.push({ fault, host, direction: 'to-host' });
    }
    kinds.push({ fault: 'one-way', host, direction: 'to-host' });
    kinds.push({ fault: 'one-way', host, direction: 'from-host' });
  }
  // A switch has no host: all ports go.
  kinds.push({ fault: 'switch', host: RECEIVER, direction: 'to-host' });
  return Array.from({ length: count }, (_, i) => kinds[i % kinds.length]!);
}

export interface CutsOptions {
  readonly count: number;
  readonly profile: keyof typeof profiles;
  /** Folder for the recordings. */
  readonly folder: string;
  /** Called with each cut as it is made, and when the plane is back. */
  progress(line: string): void;
}

/** What one cut did. */
export interface CutResult extends Cut {
  readonly gap: GapParts;
}

export interface CutsResult {
  readonly cuts: readonly CutResult[];
  readonly sctp: Delivery;
  readonly replies: Replies;
  readonly reconnects: number;
  readonly nodedown: number;
}

/** A cut with its moments, in milliseconds on the clock of `process.hrtime`. */
interface Made {
  readonly cut: Cut;
  readonly cutMs: number;
  noticedMs: number | null;
  healedMs: number;
}

class Cuts {
  readonly #made: Made[] = [];
  readonly #lost = { sender: false, receiver: false };

  constructor(
    readonly options: CutsOptions,
    readonly lab: Lab,
  ) {}

  async run(): Promise<CutsResult> {
    const { count, profile, folder } = this.options;
    const perCutMs = HOLD_MS + RECOVERY_MS + CALM_MS + 1000;
    const session = await TrafficSession.start({
      lab: this.lab,
      folder,
      profile,
      tcp: false,
      maxMessages: Math.ceil(((count + 2) * perCutMs * MESSAGES_PER_SECOND) / 1000),
      onEvent: (side, event, atMs) => this.#onEvent(side, event, atMs),
    });
    session.begin({
      messagesPerSecond: MESSAGES_PER_SECOND,
      durationMs: Number.MAX_SAFE_INTEGER,
      bodyBytes: BODY_BYTES,
      replyEvery: REPLY_EVERY,
    });
    for (const cut of planCuts(count)) await this.#make(cut);
    await sleep(CALM_MS);
    session.stop();
    await session.settle(0, SETTLE_MS);
    const { sctp, replies, reconnects, nodedown, received } = await session.finish();
    const receivedMs = Array.from(received.timesNs, (ns) => Number(ns) / 1e6);
    const cuts = this.#made.map(({ cut, cutMs, noticedMs, healedMs }) => ({
      ...cut,
      gap: splitGap(receivedMs, cutMs, healedMs + CALM_MS, noticedMs),
    }));
    return { cuts, sctp, replies, reconnects, nodedown };
  }

  async #make(cut: Cut): Promise<void> {
    await sleep(CALM_MS);
    const cutMs = this.lab.cut(cut.fault, CUT_PLANE, cut.host, cut.direction);
    const made: Made = { cut, cutMs, noticedMs: null, healedMs: 0 };
    this.#made.push(made);
    await sleep(HOLD_MS);
    made.healedMs = this.lab.heal();
    const backMs = await this.#untilRedundant();
    const { fault, host, direction } = cut;
    const where = fault === 'switch' ? 'switch' : `host ${host}`;
    const way = fault === 'one-way' ? ` ${direction}` : '';
    this.options.progress(
      `${this.#made.length}/${this.options.count}  ${fault}${way} at ${where}: ` +
        `both planes again ${backMs.toFixed(0)} ms after healing`,
    );
  }

  async #untilRedundant(): Promise<number> {
    let waitedMs = 0;
    while (this.#lost.sender || this.#lost.receiver) {
      if (waitedMs >= RECOVERY_MS) {
        throw new LabError(
          'ERR_LAB',
          `plane ${CUT_PLANE} is not back ${waitedMs} ms after healing`,
        );
      }
      await sleep(POLL_MS);
      waitedMs += POLL_MS;
    }
    return waitedMs;
  }

  #onEvent(side: Role, event: NodeEvent, atMs: number): void {
    if (event.kind === 'redundancy') this.#lost[side] = event.state === 'lost';
    const last = this.#made.at(-1);
    if (side !== 'sender' || event.kind !== 'path' || last === undefined) return;
    const isNotice = event.change === 'potentially-failed' || event.change === 'unreachable';
    if (isNotice && event.plane === CUT_PLANE && atMs >= last.cutMs) last.noticedMs ??= atMs;
  }
}

/**
 * Runs `count` cuts in a lab of this process.
 * @throws LabError ERR_LAB when a node fails to do its part, or a healed plane does not come back.
 */
export async function runCuts(options: CutsOptions): Promise<CutsResult> {
  const lab = await createLab({ hosts: 2 });
  try {
    return await new Cuts(options, lab).run();
  } finally {
    await lab.close();
  }
}
