/**
 * Whether the process at the other end lives, as a pure machine; distinct from SCTP's heartbeats,
 * which are about paths and are answered by a kernel whose process has stopped.
 *
 * Frames are counted without a clock: reading it costs 30 to 60 microseconds in a virtual machine
 * that traps the call. So `heard` and `spoke` only leave a mark, and every half beat a 'tick' turns
 * marks into times. A frame that came counts from the tick after it (a stall is reported up to half
 * a beat late, never early); a frame that left counts from the tick before it (the peer hears
 * something at least every beat, and no beat goes within half a beat of another frame). Where the
 * profile wants jitter, a beat is early by chance, each time anew: links that came up together, or
 * whose process was late for all of them, would beat in step for ever.
 */
import type { Profile } from '../timing/profiles.js';
import { Jitter } from './jitter.js';

export type LivenessInput =
  | { readonly type: 'tick' }
  /** Everything the socket held has been read, and `heard` was called for each frame. */
  | { readonly type: 'drained' }
  /** Whether any path of the association is active now. */
  | { readonly type: 'paths'; readonly active: boolean };

export type LivenessOutput =
  /** Send a BEAT. */
  | 'beat'
  /**
   * Read the socket dry, then step 'drained': timers run before the poll for I/O, so frames may be
   * waiting there.
   */
  | 'drain'
  /** The process does not answer though a path is active. */
  | 'stalled'
  | 'resumed'
  /** No active path and no frame for the outage time: abort the association. Nothing follows. */
  | 'lost';

export type LivenessTimers = Pick<Profile, 'beatMs' | 'beatJitterMs' | 'stallMs' | 'outageMs'>;

/**
 * Ticks and beats come up to so small a part of the beat early, at moments that all links of a
 * process have in common: each wakes it once. Judgements are passed on time.
 */
const GRAINS_PER_BEAT = 20;

/**
 * A loop counts as late from this part of a beat on. On a busy machine each of the dozens of wakes
 * within an outage is late by milliseconds: ten links that ended together were told 400 ms later.
 */
const LATE_BEAT_PARTS = 4;

/** The machine; begins when the link is up. */
export class Liveness {
  readonly #timers: LivenessTimers;
  readonly #jitter: Jitter;
  readonly #outputs: LivenessOutput[] = [];
  #lastTickMs: number;
  #lastHeardMs: number;
  #lastSpokeMs: number;
  /** When the paths' state, active or not, began. */
  #pathsSinceMs: number;
  #pathActive: boolean;
  #heard = false;
  #spoke = false;
  #draining = false;
  #isStalled = false;
  #isLost = false;
  /**
   * How late the loop was since the peer was last heard and the paths are what they are: by so much
   * every judgement is put off.
   */
  #lateMs = 0;
  /** From a frame of ours to the next beat. */
  #beatAfterMs: number;

  /** @param seed 32 random bits; without `beatJitterMs` nothing depends on them */
  constructor(nowMs: number, timers: LivenessTimers, pathActive: boolean, seed = 0) {
    this.#timers = timers;
    this.#jitter = new Jitter(timers.beatJitterMs, seed);
    this.#beatAfterMs = timers.beatMs - this.#jitter.nextMs();
    this.#lastTickMs = nowMs;
    this.#lastHeardMs = nowMs;
    this.#lastSpokeMs = nowMs;
    this.#pathsSinceMs = nowMs;
    this.#pathActive = pathActive;
  }

  get stalled(): boolean {
    return this.#isStalled;
  }

  /** A frame of the peer came. True: step a 'tick' now, somebody waits for this. */
  heard(): boolean {
    this.#heard = true;
    return this.#isStalled;
  }

  /** A frame other than a beat of ours left. */
  spoke(): void {
    this.#spoke = true;
  }

  /** When a 'tick' is wanted; Infinity when never again. */
  deadline(): number {
    if (this.#isLost) return Number.POSITIVE_INFINITY;
    const nextTickMs = this.#early(this.#lastTickMs + this.#timers.beatMs / 2);
    const due = this.#draining ? nextTickMs : Math.min(nextTickMs, this.#judgementMs());
    return Math.min(due, this.#beatDueMs);
  }

  get #beatDueMs(): number {
    return this.#early(this.#lastSpokeMs + this.#beatAfterMs);
  }

  /** The last moment before this at which others wake, too. */
  #early(atMs: number): number {
    const grainMs = this.#timers.beatMs / GRAINS_PER_BEAT;
    return Math.floor(atMs / grainMs) * grainMs;
  }

  /** The next output, or null. */
  poll(): LivenessOutput | null {
    return this.#outputs.shift() ?? null;
  }

  step(nowMs: number, input: LivenessInput): void {
    if (this.#isLost) return;
    if (input.type !== 'drained') this.#lateMs += this.#latenessMs(nowMs);
    this.#resolve(nowMs);
    if (input.type === 'paths' && input.active !== this.#pathActive) {
      this.#pathActive = input.active;
      this.#pathsSinceMs = nowMs;
      // What counts from now on is not put off by what was late before.
      this.#lateMs = 0;
    }
    if (input.type === 'drained') {
      this.#draining = false;
      this.#judge(nowMs);
    } else if (!this.#draining && nowMs >= this.#judgementMs()) {
      this.#draining = true;
      this.#outputs.push('drain');
    }
    if (!this.#isLost && nowMs >= this.#beatDueMs) {
      this.#lastSpokeMs = nowMs;
      this.#beatAfterMs = this.#timers.beatMs - this.#jitter.nextMs();
      this.#outputs.push('beat');
    }
  }

  /** A timer is always a little late; that adds up to nothing a judgement has to wait for. */
  #latenessMs(nowMs: number): number {
    const lateMs = nowMs - this.deadline();
    return lateMs >= this.#timers.beatMs / LATE_BEAT_PARTS ? lateMs : 0;
  }

  #resolve(nowMs: number): void {
    if (this.#heard) {
      this.#heard = false;
      this.#lastHeardMs = nowMs;
      this.#lateMs = 0;
      if (this.#isStalled) {
        this.#isStalled = false;
        this.#outputs.push('resumed');
      }
    }
    if (this.#spoke) {
      this.#spoke = false;
      this.#lastSpokeMs = Math.max(this.#lastSpokeMs, this.#lastTickMs);
    }
    this.#lastTickMs = nowMs;
  }

  /**
   * When silence becomes a stall or an outage. Counted from the last frame, and from the moment the
   * paths became what they are: a path that has just come back first has to carry what was held up.
   */
  #judgementMs(): number {
    const sinceMs = Math.max(this.#lastHeardMs, this.#pathsSinceMs) + this.#lateMs;
    if (!this.#pathActive) return sinceMs + this.#timers.outageMs;
    return this.#isStalled ? Number.POSITIVE_INFINITY : sinceMs + this.#timers.stallMs;
  }

  #judge(nowMs: number): void {
    if (nowMs < this.#judgementMs()) return;
    if (this.#pathActive) {
      this.#isStalled = true;
      this.#outputs.push('stalled');
    } else {
      this.#isLost = true;
      this.#outputs.push('lost');
    }
  }
}
