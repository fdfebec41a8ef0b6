/**
 * How far a stream may run ahead of who reads it. Moleculer sends the pieces of a stream as fast as
 * the transporter takes them, and its receiving end keeps what nobody reads: here the reader's pace
 * reaches the writer. The receiving end tells up to which piece it has passed on what came, and the
 * sending end waits once it is limits.streamWindowBytes ahead of that.
 */
import { limits } from '../../limits.js';
import type { IncomingStream, Packet, Transit } from './framework.js';

/** Which stream, and the number of its newest piece that was passed on. */
export interface Grant {
  readonly stream: string;
  readonly seq: number;
}

/** A name for the stream a packet belongs to; null when it belongs to none. */
export function streamOf({ type, payload }: Packet): string | null {
  if (typeof payload.seq !== 'number' || typeof payload.id !== 'string') return null;
  return type === 'REQ' || type === 'RES' ? `${type}:${payload.id}` : null;
}

class Window {
  /** Bytes of each piece that was sent and not yet passed on there. */
  readonly #pieces = new Map<number, number>();
  #aheadBytes = 0;
  #waiting: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  sent(seq: number, bytes: number): Promise<void> | null {
    this.#pieces.set(seq, bytes);
    this.#aheadBytes += bytes;
    if (this.#aheadBytes < limits.streamWindowBytes) return null;
    if (this.#waiting === null) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#waiting = { promise, resolve };
    }
    return this.#waiting.promise;
  }

  passed(upTo: number): void {
    for (const [seq, bytes] of this.#pieces) {
      if (seq > upTo) continue;
      this.#pieces.delete(seq);
      this.#aheadBytes -= bytes;
    }
    if (this.#aheadBytes < limits.streamWindowBytes) this.open();
  }

  open(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }
}

/** Streams that leave, by the node they go to. */
export class OutgoingStreams {
  readonly #nodes = new Map<string, Map<string, Window>>();

  /**
   * Notes a packet that was sent.
   * @returns what to wait for before the stream's next piece; null for nothing.
   */
  sent(node: string, packet: Packet, bytes: number): Promise<void> | null {
    const stream = streamOf(packet);
    const { seq, stream: hasMore } = packet.payload;
    if (stream === null || typeof seq !== 'number' || seq === 0) return null;
    const windows = this.#nodes.get(node);
    if (hasMore !== true) {
      windows?.delete(stream);
      if (windows?.size === 0) this.#nodes.delete(node);
      return null;
    }
    const window = windows?.get(stream) ?? new Window();
    this.#nodes.set(node, (windows ?? new Map()).set(stream, window));
    return window.sent(seq, bytes);
  }

  /** What a node says of a stream; of one that is not there it is ignored. */
  granted(node: string, { stream, seq }: Grant): void {
    this.#nodes.get(node)?.get(stream)?.passed(seq);
  }

  /** Nobody there reads any more, and nobody here waits. */
  forget(node: string): void {
    for (const window of this.#nodes.get(node)?.values() ?? []) window.open();
    this.#nodes.delete(node);
  }

  /** All of them. */
  clear(): void {
    for (const node of [...this.#nodes.keys()]) this.forget(node);
  }
}

interface Progress {
  /** Newest piece that came. */
  seq: number;
  /** Bytes that came since the other end was told last. */
  bytes: number;
  isWaiting: boolean;
}

/** Streams that arrive. */
export class IncomingStreams {
  readonly #transit: Transit;
  readonly #progress = new WeakMap<IncomingStream, Progress>();

  constructor(transit: Transit) {
    this.#transit = transit;
  }

  /**
   * Notes a packet that was handled; `tell` is called when the writer is to hear that it was passed
   * on, now or when its reader has come so far.
   */
  received(packet: Packet, bytes: number, tell: (grant: Grant) => void): void {
    const stream = streamOf(packet);
    const { seq, stream: hasMore, id } = packet.payload;
    if (stream === null || typeof seq !== 'number' || seq === 0 || hasMore !== true) return;
    const reader = this.#readerOf(packet.type, id);
    // Nobody reads it any more: the writer must not wait.
    if (reader === undefined || reader.destroyed) return tell({ stream, seq });
    const known = this.#progress.get(reader);
    const progress = known ?? { seq: 0, bytes: 0, isWaiting: false };
    if (known === undefined) this.#progress.set(reader, progress);
    progress.seq = Math.max(progress.seq, seq);
    progress.bytes += bytes;
    if (progress.isWaiting) return;
    const passedOn = () => {
      progress.isWaiting = false;
      reader.off('drain', passedOn);
      reader.off('close', passedOn);
      if (progress.bytes < limits.streamWindowBytes / 4 && !reader.destroyed) return;
      progress.bytes = 0;
      tell({ stream, seq: progress.seq });
    };
    if (!reader.writableNeedDrain) return passedOn();
    progress.isWaiting = true;
    reader.once('drain', passedOn);
    reader.once('close', passedOn);
  }

  #readerOf(type: string, id: unknown): IncomingStream | undefined {
    if (type === 'REQ') return this.#transit.pendingReqStreams.get(id)?.stream;
    return this.#transit.pendingResStreams.get(id);
  }
}

/** A peer's grant, if it is one. */
export function readGrant(body: unknown): Grant | null {
  const { stream, seq } = (body ?? {}) as Partial<Record<keyof Grant, unknown>>;
  return typeof stream === 'string' && typeof seq === 'number' ? { stream, seq } : null;
}
