/**
 * Gray paths: up, but slow or lossy. A pure machine fed with samples of the paths' round-trip times
 * and of the association's counters, at a steady pace.
 *
 * Retransmissions are counted per association, so they are put down to the path that carried the
 * traffic. A path that fails and comes back is evidence too: one lost HEARTBEAT makes an idle path
 * potentially failed. A plane that is cut loses what was under way in one sample, or two; a gray
 * one loses something again and again, and only that counts.
 */
import type { CarrierPath, CarrierPathEvent, CarrierStatistics } from './carrier.js';

/** Why a path is gray. */
export type GrayReason =
  /** Its round trips take much longer than they did. */
  | 'slow'
  /** Again and again something sent on it has to be sent once more, or it fails and comes back. */
  | 'lossy';

/** What of a carrier's path is looked at. */
export type SampledPath = Pick<CarrierPath, 'address' | 'state' | 'primary' | 'rttMs'>;

export type PathMonitorInput =
  /** Everything as it is now. */
  | {
      readonly type: 'sample';
      readonly paths: readonly SampledPath[];
      readonly statistics: CarrierStatistics;
      /** No message went or came since the last one; beats do not count. */
      readonly isQuiet: boolean;
    }
  /** What the carrier told of a path between two samples. */
  | { readonly type: 'path'; readonly event: CarrierPathEvent };

/** A path became gray, has another reason to be, or is clear again. */
export interface GrayChange {
  readonly address: string;
  readonly change: 'gray' | 'clear';
  /** Empty when it is clear. */
  readonly reasons: readonly GrayReason[];
  /** Smoothed round-trip time now, and what it was before it became slow. */
  readonly rttMs: number;
  readonly baselineRttMs: number;
  /**
   * Share of what was sent on it that had to be sent once more, 0 to 1: the larger of those over
   * the last 10 and the last 80 samples.
   */
  readonly lossShare: number;
}

/** Something was lost in so many of the last samples, and in all this share of what was sent. */
interface LossRule {
  readonly samples: number;
  readonly lossySamples: number;
  readonly share: number;
}

/** Under traffic three samples in ten are soon there, with 5 % loss; when idle it takes longer. */
const LOSS_RULES: readonly [LossRule, LossRule] = [
  { samples: 10, lossySamples: 3, share: 0.02 },
  { samples: 80, lossySamples: 4, share: 0.04 },
];
const HISTORY_SAMPLES = LOSS_RULES[1].samples;
/** Loss is over when the last `samples` were under `share`, so many times in a row. */
const LOSS_OVER = { samples: 40, share: 0.01, inARow: 200 } as const;

/**
 * Linux keeps SRTT in ticks, at worst 10 ms, and never forgets what is below 8 of them: up to 70 ms
 * may be left of an earlier slow time, while 80 ms is what it shows of a round trip of 100 ms.
 */
const STICKY_RTT_MS = 70;
const SLOW_FLOOR_MS = 75;
const SLOW_ADDED_MS = 50;
const SLOW_FACTOR = 1.5;
const SLOW_IN_A_ROW = 2;
const FAST_IN_A_ROW = 40;
/** The share of a slower round trip that its baseline takes over at each sample. */
const BASELINE_GAIN = 1 / 64;

/**
 * A quiet link about which there is nothing to suspect is looked at so many times less often: in a
 * large mesh most links are, and a look is several system calls.
 */
const CALM_FACTOR = 4;

/** From which round-trip time on a path is slow. */
export function slowFromMs(baselineRttMs: number): number {
  return Math.max(SLOW_FLOOR_MS, baselineRttMs + SLOW_ADDED_MS, baselineRttMs * SLOW_FACTOR);
}

interface Losses {
  readonly lost: number;
  readonly lossySamples: number;
  readonly share: number;
}

/** What is known of one path. */
class PathHealth {
  readonly #sent = new Uint32Array(HISTORY_SAMPLES);
  readonly #lost = new Uint32Array(HISTORY_SAMPLES);
  #next = 0;
  /** How often it failed since the last sample. */
  #failures = 0;
  #isDown = false;
  #rttMs = 0;
  #baselineMs: number | null = null;
  #isSlow = false;
  #isLossy = false;
  /** Samples in a row that speak against what is held of it now. */
  #againstSlow = 0;
  #againstLossy = 0;
  /** The reasons that were told last. */
  #told = '';

  get reasons(): GrayReason[] {
    return [
      ...(this.#isSlow ? ['slow' as const] : []),
      ...(this.#isLossy ? ['lossy' as const] : []),
    ];
  }

  /** Nothing speaks against it, nor did in the last samples. */
  get isCalm(): boolean {
    if (this.#isSlow || this.#isLossy || this.#againstSlow > 0 || this.#failures > 0) return false;
    return this.#losses(LOSS_RULES[0].samples).lost === 0;
  }

  heard({ change }: CarrierPathEvent): void {
    if (change === 'potentially-failed' || change === 'unreachable') {
      if (!this.#isDown) this.#failures += 1;
      this.#isDown = true;
    } else if (change === 'available' || change === 'confirmed') this.#isDown = false;
  }

  sample(rttMs: number, sent: number, retransmitted: number): void {
    this.#sent[this.#next] = sent;
    this.#lost[this.#next] = retransmitted + this.#failures;
    this.#next = (this.#next + 1) % HISTORY_SAMPLES;
    this.#failures = 0;
    this.#judgeSpeed(rttMs);
    this.#judgeLoss();
  }

  /** What is to be told, once. */
  take(address: string): GrayChange | null {
    const { reasons } = this;
    const text = reasons.join(' ');
    if (text === this.#told) return null;
    this.#told = text;
    return {
      address,
      change: reasons.length > 0 ? 'gray' : 'clear',
      reasons,
      rttMs: this.#rttMs,
      baselineRttMs: Math.round(this.#baselineMs ?? 0),
      lossShare: Math.max(...LOSS_RULES.map(({ samples }) => this.#losses(samples).share)),
    };
  }

  #judgeSpeed(rttMs: number): void {
    this.#rttMs = rttMs;
    const baselineMs = this.#baselineMs ?? rttMs;
    const looksSlow = rttMs >= slowFromMs(baselineMs);
    this.#againstSlow = looksSlow === this.#isSlow ? 0 : this.#againstSlow + 1;
    if (this.#againstSlow >= (this.#isSlow ? FAST_IN_A_ROW : SLOW_IN_A_ROW)) {
      this.#isSlow = looksSlow;
      this.#againstSlow = 0;
    }
    if (rttMs < baselineMs || this.#baselineMs === null) this.#baselineMs = rttMs;
    else if (rttMs > STICKY_RTT_MS && !this.#isSlow && !looksSlow) {
      this.#baselineMs = baselineMs + (rttMs - baselineMs) * BASELINE_GAIN;
    }
  }

  #judgeLoss(): void {
    if (this.#isLossy) {
      const isOver = this.#losses(LOSS_OVER.samples).share < LOSS_OVER.share;
      this.#againstLossy = isOver ? this.#againstLossy + 1 : 0;
      if (this.#againstLossy >= LOSS_OVER.inARow) this.#isLossy = false;
      return;
    }
    this.#againstLossy = 0;
    this.#isLossy = LOSS_RULES.some(({ samples, lossySamples, share }) => {
      const losses = this.#losses(samples);
      return losses.lossySamples >= lossySamples && losses.share >= share;
    });
  }

  /** Over the last `samples`. */
  #losses(samples: number): Losses {
    let [sent, lost, lossySamples] = [0, 0, 0];
    for (let back = 1; back <= samples; back += 1) {
      const at = (this.#next - back + HISTORY_SAMPLES) % HISTORY_SAMPLES;
      sent += this.#sent[at]!;
      lost += this.#lost[at]!;
      if (this.#lost[at]! > 0) lossySamples += 1;
    }
    // What failed on an idle path was sent by nobody.
    return { lost, lossySamples, share: lost / Math.max(sent, lost, 1) };
  }
}

/** The machine; begins when the link is up. */
export class PathMonitor {
  readonly #sampleMs: number;
  readonly #healths = new Map<string, PathHealth>();
  readonly #changes: GrayChange[] = [];
  #nextMs: number;
  #last: CarrierStatistics | null = null;
  /** The path that carried the traffic at the last sample. */
  #carrying: string | null = null;

  /**
   * @param sampleMs the pace of samples while there is something to see; a gray path under traffic
   *   is noticed within ten.
   */
  constructor(nowMs: number, sampleMs: number) {
    this.#sampleMs = sampleMs;
    this.#nextMs = nowMs + sampleMs;
  }

  /** Why a path is gray; empty where it is not. */
  reasons(address: string): readonly GrayReason[] {
    return this.#healths.get(address)?.reasons ?? [];
  }

  step(nowMs: number, input: PathMonitorInput): void {
    if (input.type === 'path') {
      this.#healths.get(input.event.address)?.heard(input.event);
      this.#nextMs = Math.min(this.#nextMs, nowMs + this.#sampleMs);
      return;
    }
    const { paths, statistics, isQuiet } = input;
    for (const address of [...this.#healths.keys()]) {
      if (!paths.some((path) => path.address === address)) this.#healths.delete(address);
    }
    const carrying = carryingPath(paths);
    // In a sample in which the traffic moved nobody knows on which path what was lost.
    const isSame = carrying !== null && carrying === this.#carrying && this.#last !== null;
    const sent = isSame ? statistics.sentChunks - this.#last!.sentChunks : 0;
    const retransmitted = isSame
      ? statistics.retransmittedChunks - this.#last!.retransmittedChunks
      : 0;
    this.#carrying = carrying;
    this.#last = statistics;
    for (const { address, state, rttMs } of paths) {
      const health = this.#healths.get(address) ?? new PathHealth();
      this.#healths.set(address, health);
      // One that is down is known to be; it is neither slow nor lossy meanwhile.
      if (state === 'inactive' || state === 'unconfirmed') continue;
      const isCarrying = address === carrying;
      health.sample(rttMs, isCarrying ? sent : 0, isCarrying ? retransmitted : 0);
      const change = health.take(address);
      if (change !== null) this.#changes.push(change);
    }
    const isCalm = isQuiet && [...this.#healths.values()].every((health) => health.isCalm);
    this.#nextMs = nowMs + (isCalm ? CALM_FACTOR : 1) * this.#sampleMs;
  }

  /** The next change, or null. */
  poll(): GrayChange | null {
    return this.#changes.shift() ?? null;
  }

  /** When the next sample is wanted. */
  deadline(): number {
    return this.#nextMs;
  }
}

/** The primary, as long as it is not given up; then the first that works. */
function carryingPath(paths: readonly SampledPath[]): string | null {
  const primary = paths.find((path) => path.primary);
  if (primary?.state === 'active' || primary?.state === 'potentially-failed') {
    return primary.address;
  }
  return paths.find(({ state }) => state === 'active')?.address ?? null;
}
