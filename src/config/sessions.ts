/**
 * Who is at the other ends of the links, and what each has: part of a machine.
 *
 * Both ends begin with a hello. One has met the other when it has heard a hello that names it:
 * whatever comes before was meant for the machine that was there before, over the same link.
 */
import type { Core } from './core.js';
import { ORIGIN, type Position } from './entry.js';
import { type EpochRecord, isMaster, kinship } from './epoch-record.js';
import type { Hello } from './messages.js';

/** One end of a link. */
export interface Peer {
  readonly name: string;
  /** What it said last; null: nothing yet. */
  hello: Hello | null;
  /** Where its log ended when it last said so. */
  last: Position;
  /** It knows us, and we know it. */
  isMet: boolean;
  isStalled: boolean;
  /** It broke the protocol, and is not listened to. */
  isRefused: boolean;
  /** We have begun. */
  isGreeted: boolean;
}

/** A peer that is met. */
export interface MetPeer extends Peer {
  readonly hello: Hello;
}

export class Sessions {
  readonly #core: Core;
  readonly #peers = new Map<string, Peer>();

  constructor(core: Core) {
    this.#core = core;
  }

  up(name: string): void {
    this.#peers.set(name, {
      name,
      hello: null,
      last: ORIGIN,
      isMet: false,
      isStalled: false,
      isRefused: false,
      isGreeted: false,
    });
    this.greet();
  }

  down(name: string): void {
    this.#peers.delete(name);
  }

  stalled(name: string, isStalled: boolean): void {
    const peer = this.#peers.get(name);
    if (peer !== undefined) peer.isStalled = isStalled;
  }

  /** Not listened to any more, until its link is new. */
  refuse(name: string): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    peer.isRefused = true;
    peer.isMet = false;
  }

  /** A peer that is listened to; undefined when there is none of this name. */
  heard(name: string): Peer | undefined {
    const peer = this.#peers.get(name);
    return peer?.isRefused === true ? undefined : peer;
  }

  /** A peer that is met. */
  met(name: string): MetPeer | undefined {
    const peer = this.#peers.get(name);
    return peer?.isMet === true ? (peer as MetPeer) : undefined;
  }

  /** All that are met, in the order of their links. */
  *all(): Generator<MetPeer, void, undefined> {
    for (const peer of this.#peers.values()) if (peer.isMet) yield peer as MetPeer;
  }

  /** A master of a record that is met, with the store that the record names. */
  master(record: EpochRecord, name: string): MetPeer | undefined {
    const peer = this.met(name);
    return peer !== undefined && isMasterOf(record, peer) ? peer : undefined;
  }

  /** Says hello where a master may be, to those that have not heard one. */
  greet(): void {
    const { setup, log } = this.#core;
    for (const peer of this.#peers.values()) {
      if (peer.isGreeted || peer.isRefused) continue;
      const isMasterName = log.record?.masters.some(({ name }) => name === peer.name) === true;
      if (isMasterName || setup.masters.includes(peer.name)) this.#greet(peer);
    }
  }

  /**
   * What we have has changed. Also those that are not met yet have to know: some of them have heard
   * what we had before, and will hear no other hello.
   */
  announce(): void {
    for (const peer of this.#peers.values()) {
      if (peer.isGreeted && !peer.isRefused) this.#greet(peer);
    }
  }

  /**
   * A peer has said hello.
   * @returns Whether another machine than before is at that end.
   */
  hello(peer: Peer, hello: Hello): boolean {
    const isNew = peer.hello?.from !== hello.from;
    peer.hello = hello;
    peer.last = hello.last;
    if (isNew) {
      peer.isMet = false;
      this.#greet(peer);
    }
    if (hello.to === this.#core.setup.instance) peer.isMet = true;
    return isNew;
  }

  #greet(peer: Peer): void {
    const { setup, log, isSlave } = this.#core;
    peer.isGreeted = true;
    this.#core.send(peer.name, {
      type: 'hello',
      from: setup.instance,
      to: peer.hello?.from ?? null,
      storeId: setup.contents.storeId,
      record: log.record,
      last: log.last,
      committed: log.committedAt,
      canStore: log.failure === null,
      isSlave,
    });
  }
}

/** Whether a record names a peer, with its store, and it is not started as a slave. */
export function isMasterOf(record: EpochRecord, { name, hello }: MetPeer): boolean {
  return !hello.isSlave && isMaster(record, { name, storeId: hello.storeId });
}

/** Whether what a peer has and what is here have nothing to do with each other. */
export function isForeign(record: EpochRecord, { hello }: MetPeer): boolean {
  const theirs = hello.record;
  if (theirs === null) return false;
  return kinship(record, theirs) === 'foreign' && kinship(theirs, record) === 'foreign';
}
