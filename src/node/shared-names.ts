/**
 * Names that nodes tell each other: topics they subscribe to, groups they are members of. Each node
 * tells every peer its own, at once when a link is up and after each change; what a peer told is
 * forgotten with its link. One message is on its way at a time, so that however often a name comes
 * and goes, what waits is bounded.
 */
import { NodeError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { Timers } from '../runtime/index.js';
import { readNames, sendControl } from './control.js';
import type { LiveLink } from './live-link.js';

export interface SharedNamesSetup {
  /** What they are names of, in the plural. */
  readonly what: string;
  /** The reserved topic on which they are told. */
  readonly topic: string;
  readonly timers: Timers;
  /** A peer has added or removed one, or its link is over. */
  onChange(name: string, live: LiveLink, isHeld: boolean): void;
}

/** What one peer and this node have told each other. */
interface Told {
  /** What the peer holds. */
  readonly theirs: Set<string>;
  /** Names of ours that have changed since the peer was told. */
  readonly changed: Set<string>;
  isTelling: boolean;
}

const NOBODY: ReadonlySet<LiveLink> = new Set();

export class SharedNames {
  readonly #setup: SharedNamesSetup;
  readonly #own = new Set<string>();
  readonly #told = new Map<LiveLink, Told>();
  readonly #holders = new Map<string, Set<LiveLink>>();
  #isScheduled = false;

  constructor(setup: SharedNamesSetup) {
    this.#setup = setup;
  }

  /** What this node holds itself. */
  get own(): ReadonlySet<string> {
    return this.#own;
  }

  /** Every name that a peer holds. */
  get held(): Iterable<string> {
    return this.#holders.keys();
  }

  /** The peers that hold a name. */
  holdersOf(name: string): ReadonlySet<LiveLink> {
    return this.#holders.get(name) ?? NOBODY;
  }

  /**
   * This node holds one more.
   * @returns False when it does already.
   * @throws NodeError ERR_LIMIT beyond limits.sharedNames.
   */
  add(name: string): boolean {
    if (this.#own.has(name)) return false;
    if (this.#own.size >= limits.sharedNames) {
      const { what } = this.#setup;
      throw new NodeError('ERR_LIMIT', `a node has at most ${limits.sharedNames} ${what}`);
    }
    this.#own.add(name);
    this.#tellSoon(name);
    return true;
  }

  /** @returns False when it does not hold it. */
  remove(name: string): boolean {
    if (!this.#own.delete(name)) return false;
    this.#tellSoon(name);
    return true;
  }

  up(live: LiveLink): void {
    const told = { theirs: new Set<string>(), changed: new Set(this.#own), isTelling: false };
    this.#told.set(live, told);
    this.#tell(live, told);
  }

  down(live: LiveLink): void {
    const told = this.#told.get(live);
    this.#told.delete(live);
    for (const name of told?.theirs ?? []) this.#lose(name, live);
  }

  /**
   * What a peer tells.
   * @throws ProtocolError ERR_PROTOCOL: malformed, or beyond limits.sharedNames.
   */
  receive(live: LiveLink, body: unknown): void {
    const { added, removed } = readNames(body);
    const theirs = this.#told.get(live)?.theirs;
    if (theirs === undefined) return;
    for (const name of removed) if (theirs.delete(name)) this.#lose(name, live);
    for (const name of added) {
      if (theirs.has(name)) continue;
      if (theirs.size >= limits.sharedNames) {
        throw new ProtocolError('ERR_PROTOCOL', 'more names than a node may hold');
      }
      theirs.add(name);
      const holders = this.#holders.get(name);
      if (holders === undefined) this.#holders.set(name, new Set([live]));
      else holders.add(live);
      this.#setup.onChange(name, live, true);
    }
  }

  #lose(name: string, live: LiveLink): void {
    const holders = this.#holders.get(name);
    holders?.delete(live);
    if (holders?.size === 0) this.#holders.delete(name);
    this.#setup.onChange(name, live, false);
  }

  /** At the end of the turn: who subscribes to much does so in one. */
  #tellSoon(name: string): void {
    for (const { changed } of this.#told.values()) changed.add(name);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#setup.timers.soon(() => {
      this.#isScheduled = false;
      for (const [live, told] of this.#told) this.#tell(live, told);
    });
  }

  #tell(live: LiveLink, told: Told): void {
    const { changed } = told;
    if (told.isTelling || changed.size === 0 || live.link.state !== 'up') return;
    const added: string[] = [];
    const removed: string[] = [];
    for (const name of changed) {
      if (added.length + removed.length >= limits.sharedNamesPerMessage) break;
      (this.#own.has(name) ? added : removed).push(name);
      changed.delete(name);
    }
    told.isTelling = true;
    sendControl(live, this.#setup.topic, [added, removed], () => {
      told.isTelling = false;
      this.#tell(live, told);
    });
  }
}
