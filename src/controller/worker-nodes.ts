/**
 * Brings workers together: a controller knows which workers of its host have joined, hears from the
 * other controllers of theirs, and tells all of that to its own. What workers say to each other
 * then is none of its business.
 */
import { Asker } from '../join/asker.js';
import { ClusterPeers } from '../join/cluster-peers.js';
import { CHANGED_TOPIC, NODES_TOPIC, WHERE_TOPIC } from '../join/names.js';
import { encodeNodes, type HostNodes, isWhereabouts, Roster, readNodes } from '../join/roster.js';
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';
import type { Timer } from '../runtime/index.js';
import { hostOfController, workerOf } from './names.js';

/** The workers that have joined, as one controller sees and tells them. */
export class WorkerNodes {
  readonly #node: ClusterNode;
  readonly #host: string;
  readonly #isKnown: (host: string) => boolean;
  readonly #roster: Roster;
  readonly #wheres: Asker;
  readonly #lists: Asker;
  readonly #peers = new ClusterPeers([]);
  #isFollowing = false;
  #telling: Timer | null = null;
  /** Other controllers are to be told as well. */
  #isOwnChanged = true;
  #isClosed = false;

  /** @param isKnown whether there is a host of that name */
  constructor(node: ClusterNode, host: string, isKnown: (host: string) => boolean) {
    this.#node = node;
    this.#host = host;
    this.#isKnown = isKnown;
    this.#roster = new Roster(host);
    this.#wheres = new Asker(node, WHERE_TOPIC, (from, where) => this.#joined(from, where));
    this.#lists = new Asker(node, NODES_TOPIC, (from, answer) => this.#told(from, answer));
    node.handle(NODES_TOPIC, (_, { from }) => encodeNodes(this.#answerTo(from)));
    node.handle(CHANGED_TOPIC, (_, { from }) => {
      if (hostOfController(from) !== null) this.#lists.ask(from);
    });
    node.on('nodeup', ({ name }) => this.#linked(name));
    node.on('nodedown', ({ name }) => this.#unlinked(name));
    for (const { name } of node.nodes) this.#linked(name);
    // Whoever has asked before there was anybody to answer is to ask again.
    this.#tellSoon();
  }

  /** Links this node, too, with all workers of the cluster that have joined, from now on. */
  follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#node.followPeers(this.#peers);
    this.#peers.found(this.#all());
  }

  /** Names of those of this host, in order. */
  get names(): string[] {
    return Object.keys(this.#roster.own.nodes).sort();
  }

  close(): void {
    this.#isClosed = true;
    this.#telling?.cancel();
    this.#wheres.close();
    this.#lists.close();
  }

  #linked(name: string): void {
    if (hostOfController(name) !== null) this.#lists.ask(name);
    else if (workerOf(name, this.#host) !== null) this.#wheres.ask(name);
  }

  #unlinked(name: string): void {
    const worker = workerOf(name, this.#host);
    if (worker !== null && this.#roster.left(worker)) this.#ownChanged();
  }

  #joined(name: string, where: unknown): void {
    const worker = workerOf(name, this.#host);
    const isHere = this.#node.nodes.some((node) => node.name === name);
    if (worker === null || !isHere || !isWhereabouts(where)) return;
    if (this.#roster.joined(worker, where)) this.#ownChanged();
  }

  #told(name: string, answer: unknown): void {
    const host = hostOfController(name);
    const nodes = readNodes(answer).find((each) => each.host === host);
    if (host === null || nodes === undefined) return;
    if (this.#roster.told(nodes)) this.#tellSoon();
  }

  /** Other controllers are told of this host, its workers of all. */
  #answerTo(name: string): readonly HostNodes[] {
    if (hostOfController(name) !== null) return [this.#roster.own];
    return workerOf(name, this.#host) === null ? [] : this.#all();
  }

  #all(): HostNodes[] {
    return this.#roster.all(this.#isKnown);
  }

  #ownChanged(): void {
    this.#isOwnChanged = true;
    this.#tellSoon();
  }

  /** Many may come at once. */
  #tellSoon(): void {
    if (this.#isClosed) return;
    this.#telling ??= this.#node.runtime.timers.after(limits.controllerLookMs, () => {
      this.#telling = null;
      this.#tell();
    });
  }

  #tell(): void {
    const isOwnChanged = this.#isOwnChanged;
    this.#isOwnChanged = false;
    if (this.#isFollowing) this.#peers.found(this.#all());
    for (const { name } of this.#node.nodes) {
      const isController = hostOfController(name) !== null;
      if (isController ? isOwnChanged : workerOf(name, this.#host) !== null) this.#tellOne(name);
    }
  }

  #tellOne(name: string): void {
    try {
      this.#node.send(name, CHANGED_TOPIC, null);
    } catch (error) {
      // Without a link it asks by itself when there is one.
      if ((error as { code?: unknown }).code === 'ERR_QUEUE_FULL') this.#ownChanged();
    }
  }
}
