/**
 * What this node takes from another's log: part of a machine. It follows one source at a time, from
 * where its own log ends, and acknowledges what is on its disk.
 */
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { Fifo } from '../link/fifo.js';
import { Sha256 } from '../runtime/crypto.js';
import type { Core } from './core.js';
import { readEntry } from './entry.js';
import { type EpochRecord, forkFrom, readRecord } from './epoch-record.js';
import { addToDigest, MESSAGE_BYTES } from './feeds.js';
import { hexBytes } from './fields.js';
import type { FeedEnd, Message } from './messages.js';
import type { MetPeer } from './sessions.js';
import type { BaseItem, BasePoint, SetAside } from './store-contract.js';

/** A snapshot that is on its way. */
interface Incoming {
  readonly base: BasePoint;
  /** The newest record of the source, which may be newer than the base. */
  readonly guide: EpochRecord;
  readonly digest: Sha256;
  readonly items: BaseItem[];
  bytes: number;
}

export class Intake {
  readonly #core: Core;
  #source: string | null = null;
  #ticket = 0;
  #snapshot: Incoming | null = null;
  /** Messages that are not dealt with: what has to be on disk before they are, and their bytes. */
  #waiting = new Fifo<{ readonly revision: number; readonly bytes: number }>();
  #taken = 0;
  /** Dealt with, and not acknowledged. */
  #untold = 0;
  #toldStored = 0;
  #isCurrent = false;
  /** Sources that ended a feed, and why. */
  readonly ended = new Map<string, FeedEnd>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Whose log is followed; null for nobody's. */
  get source(): string | null {
    return this.#source;
  }

  /** Whether all that the source said was committed has come. */
  get isCurrent(): boolean {
    return this.#source !== null && this.#isCurrent;
  }

  /** Follows this source from now on; null for none. */
  follow(source: string | null): void {
    if (source === this.#source) return;
    const { log } = this.#core;
    if (this.#source !== null) {
      this.#core.send(this.#source, { type: 'unfollow', ticket: this.#ticket });
    }
    this.#forget(source);
    if (source === null) return;
    this.#ticket++;
    const lineage = log.record?.lineage ?? null;
    const { last: at, committedAt: committed } = log;
    this.#core.send(source, { type: 'follow', ticket: this.#ticket, at, committed, lineage });
  }

  /** Its link, or its machine, is gone. */
  drop(name: string): void {
    if (name === this.#source) this.#forget(null);
    this.ended.delete(name);
  }

  /** A peer has said what it has: where it ended a feed, it may give one now. */
  heard(name: string, isSameEpoch: boolean): void {
    // Of two logs that are not parts of one another, neither becomes so by itself.
    if (isSameEpoch && this.ended.get(name) === 'ERR_DIVERGED') return;
    this.ended.delete(name);
  }

  /** @throws ProtocolError ERR_PROTOCOL: the source sent what cannot follow. */
  receive({ name, hello }: MetPeer, message: Message & { readonly ticket: number }): void {
    if (name !== this.#source || message.ticket !== this.#ticket) return;
    switch (message.type) {
      case 'entries':
        this.#entries(message.entries, message.committed, hello.committed.revision);
        break;
      case 'snapshot':
        this.#begin(message.base, hello.record);
        break;
      case 'piece':
        this.#piece(message.items, message.digest);
        break;
      case 'end':
        this.#forget(null);
        this.ended.set(name, message.code);
        break;
    }
  }

  /**
   * Tells the source what is on disk: at once where it waits for that, else often enough for its
   * window.
   */
  acknowledge(isAwaited: boolean): void {
    if (this.#source === null) return;
    const { durable, failure } = this.#core.log;
    // One that can store no more still learns what there is; as a master it counts no more.
    for (let next = this.#waiting.at(0); next !== undefined; next = this.#waiting.at(0)) {
      if (next.revision > durable && failure === null) break;
      this.#waiting.shift();
      this.#taken++;
      this.#untold += next.bytes + MESSAGE_BYTES;
    }
    // The old log's end means nothing beside the snapshot that is on its way.
    const stored = this.#snapshot === null ? durable : 0;
    const isNews = isAwaited && stored !== this.#toldStored;
    if (!isNews && this.#untold < limits.configFeedBytes / 4) return;
    this.#untold = 0;
    this.#toldStored = stored;
    this.#core.send(this.#source, {
      type: 'taken',
      ticket: this.#ticket,
      messages: this.#taken,
      stored,
    });
  }

  #forget(source: string | null): void {
    this.#source = source;
    this.#snapshot = null;
    this.#waiting = new Fifo();
    this.#taken = 0;
    this.#untold = 0;
    this.#toldStored = 0;
    this.#isCurrent = false;
  }

  /** @param known what the source knew to be committed when it last said hello */
  #entries(entries: readonly Buffer[], committed: number, known: number): void {
    const { log, nowMs } = this.#core;
    if (this.#snapshot !== null) throw new ProtocolError('ERR_PROTOCOL', 'half a snapshot');
    let bytes = 0;
    for (const each of entries) {
      log.append(readEntry(each));
      bytes += each.length;
    }
    log.commit(nowMs, Math.min(committed, log.last.revision));
    this.#isCurrent = log.last.revision >= Math.max(committed, known);
    log.release();
    this.#waiting.push({ revision: log.last.revision, bytes });
  }

  #begin(base: BasePoint, guide: EpochRecord | null): void {
    readRecord(Buffer.from(base.record as Uint8Array));
    if (guide === null) throw new ProtocolError('ERR_PROTOCOL', 'a snapshot of an empty store');
    const { record: own, committed } = this.#core.log;
    if (own !== null && own.lineage !== guide.lineage && forkFrom(guide, own.lineage) === null) {
      throw new ProtocolError('ERR_PROTOCOL', 'a snapshot of a foreign lineage');
    }
    if (own?.lineage === guide.lineage && base.revision < committed) {
      throw new ProtocolError('ERR_PROTOCOL', 'a snapshot of what is older than what is here');
    }
    const digest = new Sha256();
    digest.update(hexBytes(base.hash));
    this.#snapshot = { base, guide, digest, items: [], bytes: 0 };
    this.#waiting.push({ revision: 0, bytes: base.record?.length ?? 0 });
  }

  #piece(items: readonly BaseItem[], digest: string | null): void {
    const snapshot = this.#snapshot;
    if (snapshot === null) throw new ProtocolError('ERR_PROTOCOL', 'a piece of no snapshot');
    const bytes = addToDigest(snapshot.digest, items);
    snapshot.bytes += bytes;
    if (snapshot.bytes > limits.configStateBytes) {
      throw new ProtocolError(
        'ERR_PROTOCOL',
        `a snapshot of over ${limits.configStateBytes} bytes`,
      );
    }
    for (const item of items) snapshot.items.push(item);
    if (digest === null) {
      this.#waiting.push({ revision: 0, bytes });
      return;
    }
    if (snapshot.digest.hex() !== digest) {
      throw new ProtocolError('ERR_PROTOCOL', 'a snapshot with another digest');
    }
    const { base, guide } = snapshot;
    this.#core.log.install(base, snapshot.items, this.#surplus(guide));
    this.#core.outputs.push({ type: 'replaced' });
    this.#snapshot = null;
    this.#isCurrent = true;
    this.#waiting.push({ revision: base.revision, bytes });
  }

  /**
   * What is in the log here and in nobody else's, when a snapshot takes its place: what lies beyond
   * the place where this lineage was left, or was never committed.
   */
  #surplus(guide: EpochRecord): SetAside | null {
    const { log } = this.#core;
    const own = log.record;
    if (own === null) return null;
    const isSame = own.lineage === guide.lineage;
    // A master that was away for long has nothing that the others have not.
    if (isSame && this.#core.isMaster) return null;
    const fork = isSame ? log.committed : (forkFrom(guide, own.lineage)?.revision ?? 0);
    const from = Math.max(fork, log.base.revision);
    const entries: Buffer[] = [];
    for (let at = from + 1; at <= log.last.revision; at++) {
      const entry = log.entryAt(at);
      if (entry !== undefined) entries.push(entry.bytes);
    }
    if (entries.length === 0) return null;
    const after = { revision: from, hash: log.hashAt(from) as string };
    return { lineage: own.lineage, after, leftBy: guide.lineage, entries };
  }
}
