/**
 * Whose turn it is to be dialled: a pure machine. A node that begins with many peers must not begin
 * all handshakes at once: what comes faster than it can be answered runs into the bounds for peers
 * that are not authenticated yet, and has to begin again, which makes it worse. 64 nodes that
 * shared one processor never came together that way.
 *
 * So a few handshakes are under way at a time: one more with each that is swift, half as many when
 * one comes to nothing for want of time or room, or is slow, as TCP fills a network that it does
 * not know. The order is drawn, lest all nodes dial the same peer first.
 *
 * A peer holds a place until its attempt is over, but while nobody answers only for `dialPlaceMs`:
 * those that are not there must not keep those waiting that are.
 */

export interface DialPaceBounds {
  /** Handshakes under way at a time, at first and at most. */
  readonly dialsAtFirst: number;
  readonly dials: number;
  /** A handshake in this time is swift. */
  readonly dialSwiftMs: number;
  readonly dialPlaceMs: number;
}

/** Of one attempt. */
interface Place {
  /** When the peer answered; null: not yet. */
  answeredAtMs: number | null;
  /** An answer makes it Infinity. */
  untilMs: number;
}

/** `T` is whatever stands for a peer, compared by identity. */
export class DialPace<T> {
  readonly #bounds: DialPaceBounds;
  readonly #waiting = new Set<T>();
  readonly #places = new Map<T, Place>();
  #window: number;

  constructor(bounds: DialPaceBounds) {
    this.#bounds = bounds;
    this.#window = bounds.dialsAtFirst;
  }

  /** Handshakes that may be under way now. */
  get window(): number {
    return this.#window;
  }

  /** Those who wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Wants to be dialled. */
  want(who: T): void {
    this.#places.delete(who);
    this.#waiting.add(who);
  }

  /** Is dialled no more, or does not want to be. */
  rest(who: T): void {
    this.#waiting.delete(who);
    this.#places.delete(who);
  }

  /** Has answered, and the handshake begins: the attempt keeps its place to its end. */
  answered(nowMs: number, who: T): void {
    const place = this.#places.get(who);
    if (place === undefined) return;
    place.answeredAtMs = nowMs;
    place.untilMs = Number.POSITIVE_INFINITY;
  }

  /**
   * The attempt is over.
   * @param end 'crowded': for want of time or room.
   */
  over(nowMs: number, who: T, end: 'linked' | 'crowded' | 'refused'): void {
    const answeredAtMs = this.#places.get(who)?.answeredAtMs ?? null;
    this.#places.delete(who);
    // One that nobody answered says nothing about those that somebody does.
    if (answeredAtMs === null || end === 'refused') return;
    const isSwift = end === 'linked' && nowMs - answeredAtMs <= this.#bounds.dialSwiftMs;
    this.#window = isSwift
      ? Math.min(this.#window + 1, this.#bounds.dials)
      : Math.max(Math.floor(this.#window / 2), 1);
  }

  /**
   * Who is to be dialled now; null when nobody is, or nobody can be.
   * @param dice a random number from 0 to 1, asked for when several wait.
   */
  next(nowMs: number, dice: () => number): T | null {
    if (this.#waiting.size === 0) return null;
    for (const [who, { untilMs }] of this.#places) {
      if (nowMs >= untilMs) this.#places.delete(who);
    }
    if (this.#places.size >= this.#window) return null;
    const waiting = [...this.#waiting];
    const at = waiting.length > 1 ? Math.floor(dice() * waiting.length) : 0;
    const who = waiting[Math.min(at, waiting.length - 1)] as T;
    this.#waiting.delete(who);
    this.#places.set(who, { answeredAtMs: null, untilMs: nowMs + this.#bounds.dialPlaceMs });
    return who;
  }

  /** When somebody's turn may have come; null when only a change can bring it. */
  deadline(): number | null {
    if (this.#waiting.size === 0) return null;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const { untilMs } of this.#places.values()) soonestMs = Math.min(soonestMs, untilMs);
    return Number.isFinite(soonestMs) ? soonestMs : null;
  }
}
