/**
 * What others are sent of the log, each from where it is: part of a machine. A feed is a standing
 * order. It begins when what the follower has is known to be part of this log, or with a snapshot
 * where it is not and may be replaced; it ends where it must not.
 *
 * A feed sends ahead of what is acknowledged, within a window: a follower that is slow holds up
 * nobody.
 */
import { type ErrorCode, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { Fifo } from '../link/fifo.js';
import { Sha256 } from '../runtime/crypto.js';
import type { Core } from './core.js';
import type { Position } from './entry.js';
import { kinship, type Master } from './epoch-record.js';
import { hexBytes } from './fields.js';
import type { Epoch } from './log.js';
import type { FeedEnd, Message } from './messages.js';
import { isMasterOf, type MetPeer, type Sessions } from './sessions.js';
import type { BaseItem, BasePoint } from './store-contract.js';

/**
 * - `waiting`: it is ahead of this log, so nothing can be said of it yet.
 * - `entries`: its log is a part of this one, which is sent from `next` on.
 */
type FeedMode = 'waiting' | 'snapshot' | 'entries';

interface Feed {
  readonly ticket: number;
  readonly at: Position;
  readonly lineage: string | null;
  mode: FeedMode;
  /** The first entry that it has not been sent. */
  next: number;
  /** Of this log, on its disk. */
  stored: number;
  /** What it was told of what is committed. */
  told: number;
  snapshot: Outgoing | null;
  /** Bytes of each message that it has not dealt with. */
  readonly sent: Fifo<number>;
  sentBytes: number;
  sentMessages: number;
  takenMessages: number;
  /** What it says of its disk before this many messages is of the log it had before. */
  validFrom: number;
}

interface Outgoing {
  readonly revision: number;
  readonly digest: Sha256;
  after: Uint8Array | null;
}

/** What a message counts beside its entries or items. */
export const MESSAGE_BYTES = 64;

export class Feeds {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #feeds = new Map<string, Feed>();
  /** Peers whose log is another than this one, with the same lineage. */
  readonly diverged = new Set<string>();

  constructor(core: Core, sessions: Sessions) {
    this.#core = core;
    this.#sessions = sessions;
  }

  follow(name: string, ticket: number, at: Position, lineage: string | null): void {
    this.#feeds.set(name, {
      ticket,
      at,
      lineage,
      mode: 'waiting',
      next: at.revision + 1,
      stored: 0,
      told: 0,
      snapshot: null,
      sent: new Fifo(),
      sentBytes: 0,
      sentMessages: 0,
      takenMessages: 0,
      validFrom: 0,
    });
  }

  unfollow(name: string, ticket: number): void {
    if (this.#feeds.get(name)?.ticket === ticket) this.#feeds.delete(name);
  }

  /** Its link, or its machine, is gone. */
  drop(name: string): void {
    this.#feeds.delete(name);
    this.diverged.delete(name);
  }

  /** This log is another than it was: who follows has to ask again. */
  dropAll(): void {
    for (const [name, { ticket }] of this.#feeds) {
      this.#core.send(name, { type: 'end', ticket, code: 'ERR_NOT_READY' });
    }
    this.#feeds.clear();
    this.diverged.clear();
  }

  /** @throws ProtocolError ERR_PROTOCOL: it says more than can be. */
  taken(name: string, ticket: number, messages: number, stored: number): void {
    const feed = this.#feeds.get(name);
    if (feed === undefined || feed.ticket !== ticket) return;
    if (messages > feed.sentMessages) {
      throw new ProtocolError('ERR_PROTOCOL', `${messages} messages taken of ${feed.sentMessages}`);
    }
    for (; feed.takenMessages < messages; feed.takenMessages++) {
      feed.sentBytes -= feed.sent.shift() as number;
    }
    if (messages < feed.validFrom) return;
    if (feed.mode !== 'snapshot' && stored >= feed.next) {
      throw new ProtocolError('ERR_PROTOCOL', `revision ${stored} stored, ${feed.next} not sent`);
    }
    feed.stored = Math.max(feed.stored, stored);
  }

  /**
   * How far this log is on a follower's disk; null: it does not follow, or its log is not yet known
   * to be part of this one.
   */
  storedBy(name: string): number | null {
    const feed = this.#feeds.get(name);
    return feed?.mode === 'entries' ? feed.stored : null;
  }

  /**
   * The place after which somebody is still to be sent the log; Infinity: everybody has been sent
   * all of it.
   */
  heldFrom(): number {
    const { committed } = this.#core.log;
    let from = Number.POSITIVE_INFINITY;
    for (const { mode, snapshot, next } of this.#feeds.values()) {
      if (snapshot !== null) from = Math.min(from, snapshot.revision);
      else if (mode === 'entries' && next <= committed) from = Math.min(from, next - 1);
    }
    return from;
  }

  /** Looks at the places of those who wait: whoever may be served now counts as one who follows. */
  judge(): void {
    for (const [name, feed] of this.#feeds) {
      const peer = this.#sessions.met(name);
      if (peer !== undefined && feed.mode === 'waiting') this.#judge(peer, feed);
    }
  }

  /** Sends what there is to be sent. */
  advance(): void {
    for (const [name, feed] of this.#feeds) {
      const peer = this.#sessions.met(name);
      if (peer !== undefined) this.#advance(peer, feed);
    }
  }

  #advance(peer: MetPeer, feed: Feed): void {
    if (feed.mode === 'waiting') this.#judge(peer, feed);
    while (feed.sentBytes < limits.configFeedBytes) {
      const isMore = feed.mode === 'snapshot' ? this.#part(peer, feed) : this.#entries(peer, feed);
      if (!isMore) return;
    }
  }

  /** What a follower's place is to this log. */
  #judge(peer: MetPeer, feed: Feed): void {
    const { log } = this.#core;
    const { record } = log;
    const { at, lineage } = feed;
    if (record === null) return;
    if (lineage === null) {
      if (log.base.revision === 0) feed.mode = 'entries';
      else this.#beginSnapshot(peer, feed);
      return;
    }
    const isSame = lineage === record.lineage;
    const theirs = peer.hello.record;
    if (!isSame && (theirs === null || kinship(record, theirs) === 'foreign')) {
      this.#end(peer.name, feed, 'ERR_LINEAGE');
    } else if (log.hashAt(at.revision) === at.hash) {
      // One that has made the entry by which it leaves hears nothing until it may store it.
      if (at.revision > this.#most(peer) && this.#leaving(peer) !== null) return;
      if (this.#passesItsReign(peer, at.revision)) this.#beginSnapshot(peer, feed);
      else feed.mode = 'entries';
    } else if (isSame && at.revision > log.last.revision) {
      // Ahead of us: a master whose log is longer, which we shall have first.
      return;
    } else if (isSame && isMasterOf(record, peer) && at.revision >= log.base.revision) {
      this.diverged.add(peer.name);
      this.#end(peer.name, feed, 'ERR_DIVERGED');
    } else if (log.uncommittedForce() !== null && !isMasterOf(record, peer)) {
      // Before a force has taken effect, nobody gives up anything for it who has no part in it.
      return;
    } else {
      this.#beginSnapshot(peer, feed);
    }
  }

  /**
   * Whether a follower, entry by entry, would come through an epoch that is over and had no master
   * but itself: one that is killed there takes that record for the newest, and leads alone. It has
   * been there before; a store that was put back has to go there again.
   */
  #passesItsReign(peer: MetPeer, revision: number): boolean {
    const { log } = this.#core;
    const agreed = log.recordAt(log.committed);
    return log.epochsAfter(revision).some(({ record }) => {
      if (agreed === null || record.epoch >= agreed.epoch) return false;
      return record.masters.length === 1 && isMasterOf(record, peer);
    });
  }

  #end(name: string, { ticket }: Feed, code: FeedEnd & ErrorCode): void {
    this.#feeds.delete(name);
    this.#core.send(name, { type: 'end', ticket, code });
  }

  #entries(peer: MetPeer, feed: Feed): boolean {
    const { log } = this.#core;
    if (feed.mode !== 'entries') return false;
    if (feed.next <= log.base.revision) {
      this.#beginSnapshot(peer, feed);
      return true;
    }
    const isTold = feed.told === log.committed;
    // Most of the time most followers have everything: nothing more is worked out for them.
    if (isTold && feed.next > log.last.revision) return false;
    const most = this.#most(peer);
    if (isTold && feed.next > most) return false;
    const entries = log.batch(feed.next, most).map(({ bytes }) => bytes);
    feed.next += entries.length;
    // On its way to a forced entry it is not told of what is committed with that one.
    const isSame = log.committedWith(feed.next - 1) > 0;
    if (isSame) feed.told = log.committed;
    const { ticket, told } = feed;
    this.#send(
      peer.name,
      feed,
      entries.reduce((sum, { length }) => sum + length, MESSAGE_BYTES),
      {
        type: 'entries',
        ticket,
        committed: told,
        entries,
      },
    );
    return true;
  }

  /**
   * Up to where a follower may have the log: masters all of it, others what is committed. Nobody
   * has entries that are not committed but those who are asked when the masters come back from a
   * crash: else one could hold what the others, without it, have written otherwise.
   */
  #most(peer: MetPeer): number {
    const { log } = this.#core;
    const left = this.#leaving(peer);
    // Who has on disk that it is to be a master no more cannot go on by itself: those that can are
    // to have it before.
    if (left !== null) {
      return this.#haveAll(left.record.masters, left.revision) ? left.revision : left.revision - 1;
    }
    const isAgreed = this.#isAgreed(peer);
    const forced = log.uncommittedForce();
    for (const { revision, record } of log.uncommittedEpochs()) {
      const isAsked = revision > (forced?.revision ?? 0);
      if (isAgreed || !isAsked || !isMasterOf(record, peer)) continue;
      // One that is new gets it when all before it have it on their disks: all else is then too.
      const before = log.recordAt(revision - 1)?.masters ?? [];
      if (!this.#haveAll(before, revision)) return log.committed;
    }
    const isMaster = log.record !== null && isMasterOf(log.record, peer);
    return isMaster ? log.last.revision : log.committed;
  }

  /** Whether a peer is a master by what is committed. */
  #isAgreed(peer: MetPeer): boolean {
    const { log } = this.#core;
    const agreed = log.recordAt(log.committed);
    return agreed !== null && isMasterOf(agreed, peer);
  }

  /** The entry by which a master is to be one no more, and which it has to acknowledge. */
  #leaving(peer: MetPeer): Epoch | null {
    if (!this.#isAgreed(peer)) return null;
    const epochs = this.#core.log.uncommittedEpochs();
    return epochs.find(({ record }) => !isMasterOf(record, peer)) ?? null;
  }

  /** Whether all of these masters have an entry on their disks. */
  #haveAll(masters: readonly Master[], revision: number): boolean {
    const { log, name } = this.#core;
    return masters.every((master) => {
      if (master.name === name) return log.durable >= revision;
      return (this.storedBy(master.name) ?? 0) >= revision;
    });
  }

  #beginSnapshot(peer: MetPeer, feed: Feed): void {
    const { log } = this.#core;
    const revision = log.committed;
    const hash = log.hashAt(revision) as string;
    const record = this.#recordBody(revision);
    if (record === null) return;
    const base: BasePoint = { revision, hash, record };
    const digest = new Sha256();
    digest.update(hexBytes(hash));
    feed.mode = 'snapshot';
    feed.stored = 0;
    feed.validFrom = Number.POSITIVE_INFINITY;
    feed.snapshot = { revision, digest, after: null };
    this.#send(peer.name, feed, MESSAGE_BYTES + record.length, {
      type: 'snapshot',
      ticket: feed.ticket,
      base,
    });
  }

  /** The body of the epoch entry in force; null: nothing is committed yet. */
  #recordBody(revision: number): Uint8Array | null {
    const { log } = this.#core;
    for (let at = revision; at > log.base.revision; at--) {
      const entry = log.entryAt(at);
      if (entry?.kind === 'epoch') return entry.body;
    }
    return log.base.record;
  }

  #part(peer: MetPeer, feed: Feed): boolean {
    const { log } = this.#core;
    const snapshot = feed.snapshot as Outgoing;
    if (snapshot.revision < log.base.revision) {
      // It took so long that its revision is no longer kept.
      this.#beginSnapshot(peer, feed);
      return true;
    }
    const part = log.state.part(snapshot.revision, snapshot.after, limits.configPieceBytes);
    const bytes = addToDigest(snapshot.digest, part.items);
    snapshot.after = part.next;
    const { ticket } = feed;
    const digest = part.next === null ? snapshot.digest.hex() : null;
    this.#send(peer.name, feed, MESSAGE_BYTES + bytes, {
      type: 'piece',
      ticket,
      items: part.items,
      digest,
    });
    if (digest !== null) {
      feed.mode = 'entries';
      feed.snapshot = null;
      feed.next = snapshot.revision + 1;
      feed.told = snapshot.revision;
      feed.validFrom = feed.sentMessages;
    }
    return true;
  }

  #send(to: string, feed: Feed, bytes: number, message: Message): void {
    feed.sent.push(bytes);
    feed.sentBytes += bytes;
    feed.sentMessages++;
    this.#core.send(to, message);
  }
}

/** Adds items to the digest of a snapshot. @returns their bytes. */
export function addToDigest(digest: Sha256, items: readonly BaseItem[]): number {
  let bytes = 0;
  const lengths = Buffer.allocUnsafe(8);
  for (const { key, value } of items) {
    lengths.writeUInt32BE(key.length, 0);
    lengths.writeUInt32BE(value.length, 4);
    digest.update(lengths);
    digest.update(key);
    digest.update(value);
    bytes += key.length + value.length + lengths.length;
  }
  return bytes;
}
