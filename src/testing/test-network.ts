/**
 * A network of nodes in one process, for tests of programs that use nodes: real nodes with real
 * links, over a model of associations, planes and cables in place of the kernel.
 */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { checkFlag, checkOptions, checkTimeMs, optionNames } from '../node/check-options.js';
import { fullName } from '../node/names.js';
import type { ClusterNode } from '../node/node.js';
import type { NodeOptions, PeerOptions } from '../node/options.js';
import { startNodeIn } from '../node/start.js';
import type { Transport } from '../node/transport.js';
import { addressOf, SimNetwork } from './model/network.js';
import { noTrace } from './model/settings.js';
import { PacedTime } from './paced-time.js';
import { SeededRandom } from './random.js';
import { defaultSettings, resolveTestOptions, type TestNetworkOptions } from './test-options.js';
import { VirtualProcess } from './virtual-process.js';
import { settle, VirtualTime } from './virtual-time.js';

/** How a node of a test network is started: as by `startNode`, without what the network gives. */
export interface TestNodeOptions
  extends Partial<Omit<NodeOptions, 'name' | 'planes' | 'keyFile' | 'peers'>> {
  /** Nodes to link with from the beginning. Default: all that are there. */
  readonly peers?: readonly PeerOptions[];
}

const NODE_OPTIONS = optionNames<TestNodeOptions>({
  port: true,
  key: true,
  profile: true,
  profiles: true,
  label: true,
  security: true,
  steering: true,
  switchover: true,
  peers: true,
  peerSources: true,
  logger: true,
});

const JOIN_OPTIONS = new Set(['plane']);
const PART_OPTIONS = new Set(['plane', 'isOneWay']);

/** A node, or the name of one: `one@h1`, or `one` alone where its host was left away too. */
export type NodeReference = ClusterNode | string;

/** One node and the process it runs in. */
interface Member {
  readonly name: string;
  readonly host: number;
  readonly process: VirtualProcess;
  readonly node: ClusterNode;
  readonly port: number;
}

/** The host of names that have none. */
const HOST = 'test';
const KEY = Buffer.alloc(32, 0x62);
const PREFIX_BITS = 24;
/** `until` looks this often. */
const LOOK_EVERY_MS = 1;
const WITHIN_MS = 60_000;

/** Made by `createTestNetwork`. */
export class TestNetwork {
  /** Names of its planes. */
  readonly planes: readonly string[];
  readonly #time: VirtualTime | PacedTime;
  readonly #random: SeededRandom;
  readonly #network: SimNetwork;
  readonly #members = new Set<Member>();
  /** Which host a name has: that of the last node of this name. */
  readonly #hosts = new Map<string, number>();
  readonly #deadPlanes = new Set<number>();
  #hostCount = 0;
  #isClosed = false;

  /** @internal Use `createTestNetwork`. */
  constructor(options: TestNetworkOptions) {
    const { planes, seed, time, model } = resolveTestOptions(options);
    this.planes = planes;
    this.#time = time === 'virtual' ? new VirtualTime() : new PacedTime();
    this.#random = new SeededRandom(seed);
    this.#network = new SimNetwork({
      time: this.#time,
      trace: noTrace,
      random: this.#random.fork('network'),
      settings: { ...defaultSettings, ...model, planes: planes.length },
      watch: {
        violated: (what) => {
          throw new Error(what);
        },
        carrierEnded: () => {},
      },
    });
  }

  /** The network's time in milliseconds. */
  get nowMs(): number {
    return this.#time.nowMs;
  }

  /** The nodes that live, in the order in which they began. */
  get nodes(): readonly ClusterNode[] {
    return [...this.#members].map(({ node }) => node);
  }

  /**
   * Starts a node, on a host of its own. It dials every node that is there, or `options.peers`. The
   * name of one that was killed or closed may be used again: it is its next incarnation. With the
   * name of one that lives it is an impostor, whom the others refuse.
   * @param name `name@host`, or `name` alone: then the host is `test`
   * @throws (rejects) NodeError ERR_ARGUMENT (also over limits.testHosts), ERR_CLOSED; as
   *   `startNode`.
   */
  async node(name: string, options: TestNodeOptions = {}): Promise<ClusterNode> {
    this.#checkOpen();
    checkOptions(options, NODE_OPTIONS);
    const full = fullName(name, HOST);
    const host = this.#hostFor(full);
    const random = this.#random.fork(full);
    const process = new VirtualProcess({ name: full, time: this.#time, random });
    const addresses = this.#addressesOf(host);
    const peers = options.peers ?? this.#othersThan(full);
    const node = await startNodeIn(
      {
        runtime: process,
        transport: this.#transport(host, process),
        machine: {
          hostName: HOST,
          addresses: Object.values(addresses).map((address) => {
            return { address, prefixBits: PREFIX_BITS };
          }),
        },
      },
      { key: KEY, ...options, name: full, planes: addresses, peers },
    );
    this.#members.add({ name: full, host, process, node, port: node.port });
    return node;
  }

  /**
   * What `connect` and `peers` of another node have to be told of a node.
   * @throws NodeError ERR_ARGUMENT: there is no such node.
   */
  peer(node: NodeReference): PeerOptions & { readonly port: number } {
    const { name, host, port } = this.#member(node);
    return { name, addresses: this.#addressesOf(host), port };
  }

  /**
   * Cuts a plane: for one node, for all nodes of a host, or as a whole, as when its switch is off.
   * Links go on over the others.
   * @param where a node, or the name of a host. Default: everywhere.
   * @throws NodeError ERR_ARGUMENT: no such plane, node or host.
   */
  cut(plane: string, where?: NodeReference): void {
    const index = this.#plane(plane);
    if (where === undefined) this.#deadPlanes.add(index);
    for (const host of this.#hostsAt(where)) this.#network.cut(host, index);
  }

  /**
   * Mends a plane, as `cut` has cut it; without arguments everything, also what `part` has done.
   * @throws NodeError ERR_ARGUMENT: no such plane, node or host.
   */
  heal(plane?: string, where?: NodeReference): void {
    if (plane === undefined) {
      this.#deadPlanes.clear();
      return this.#network.healAll();
    }
    const index = this.#plane(plane);
    if (where === undefined) this.#deadPlanes.delete(index);
    for (const host of this.#hostsAt(where)) this.#network.heal(host, index);
  }

  /**
   * Nothing gets from one node to another any more, on any plane or on one, while both reach all
   * others. Mended by `heal()` and `join`.
   * @param options.plane Default: all planes.
   * @param options.isOneWay what the second sends still reaches the first. Default false.
   * @throws NodeError ERR_ARGUMENT: no such plane or node.
   */
  part(
    from: NodeReference,
    to: NodeReference,
    options: { readonly plane?: string; readonly isOneWay?: boolean } = {},
  ): void {
    checkOptions(options, PART_OPTIONS);
    const { plane, isOneWay = false } = options;
    checkFlag('isOneWay', isOneWay);
    this.#between(from, to, plane, (a, b, index) => {
      this.#network.part(a, b, index);
      if (!isOneWay) this.#network.part(b, a, index);
    });
  }

  /**
   * They reach each other again.
   * @param options.plane Default: all planes.
   * @throws NodeError ERR_ARGUMENT: no such plane or node.
   */
  join(from: NodeReference, to: NodeReference, options: { readonly plane?: string } = {}): void {
    checkOptions(options, JOIN_OPTIONS);
    this.#between(from, to, options.plane, (a, b, index) => {
      this.#network.join(a, b, index);
      this.#network.join(b, a, index);
    });
  }

  /**
   * A node's event loop stands still, as when it computes: no timer fires, nothing is read. What
   * the test itself asks of the node is done all the same.
   * @param durationMs Default: until `resume`.
   * @throws NodeError ERR_ARGUMENT: no such node, not a time.
   */
  stall(node: NodeReference, durationMs?: number): void {
    const { process } = this.#member(node);
    if (durationMs === undefined) process.frozen = true;
    else process.stall(checkTimeMs('durationMs', durationMs));
  }

  /**
   * The event loop of a node that `stall` stopped without a time runs again.
   * @throws NodeError ERR_ARGUMENT: no such node.
   */
  resume(node: NodeReference): void {
    this.#member(node).process.frozen = false;
  }

  /**
   * Ends a node's process at once, as SIGKILL does. Its kernel closes what it had: its peers see
   * `nodedown` soon, `closed`, or `lost` where something was still on its way to it (then a kernel
   * aborts the association). The object must not be used any more.
   * @throws NodeError ERR_ARGUMENT: no such node.
   */
  kill(node: NodeReference): void {
    this.#end(this.#member(node), 'killed');
  }

  /**
   * Takes a node's host off power: nobody is told anything, until a node of this name begins anew.
   * The object must not be used any more.
   * @throws NodeError ERR_ARGUMENT: no such node.
   */
  powerOff(node: NodeReference): void {
    this.#end(this.#member(node), 'vanished');
  }

  /**
   * Lets virtual time pass: everything that is due in it happens, in order, and all promises
   * settle. Takes no more real time than what runs in it.
   * @throws (rejects) NodeError ERR_STATE: this network keeps pace with real time; ERR_ARGUMENT.
   */
  async advance(durationMs: number): Promise<void> {
    checkTimeMs('durationMs', durationMs);
    if (!(this.#time instanceof VirtualTime)) {
      throw new NodeError('ERR_STATE', "only a network with time: 'virtual' can be advanced");
    }
    await this.#time.advance(durationMs);
  }

  /**
   * Lets time pass until a promise is settled or a condition holds: virtual time moves by itself,
   * real time is waited for.
   * @param withinMs Default 60 s.
   * @returns What the promise resolves to.
   * @throws (rejects) what the promise is rejected with; NodeError ERR_TIMEOUT, ERR_ARGUMENT.
   */
  async until<T>(what: PromiseLike<T> | (() => boolean), withinMs = WITHIN_MS): Promise<T> {
    const endMs = this.nowMs + checkTimeMs('withinMs', withinMs);
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    if (typeof what !== 'function') what.then(settled, settled);
    await settle();
    const holds = typeof what === 'function' ? what : () => isSettled;
    while (!holds()) {
      if (this.nowMs >= endMs) {
        throw new NodeError('ERR_TIMEOUT', `it did not come to pass within ${withinMs} ms`);
      }
      await this.#pass(LOOK_EVERY_MS);
    }
    return (typeof what === 'function' ? undefined : await what) as T;
  }

  /**
   * Lets time pass until every two nodes have a link.
   * @param withinMs Default 60 s.
   * @throws (rejects) NodeError ERR_TIMEOUT, ERR_ARGUMENT.
   */
  linked(withinMs = WITHIN_MS): Promise<void> {
    return this.until(() => {
      const all = this.nodes.map(({ name }) => name);
      return this.nodes.every((node) => {
        const linked = new Set(node.nodes.map(({ name }) => name));
        return all.every((name) => name === node.name || linked.has(name));
      });
    }, withinMs);
  }

  /** Closes all nodes; nothing happens in this network any more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.heal();
    const closing = [...this.#members].map(({ node, process }) => {
      process.frozen = false;
      return node.close();
    });
    await this.until(Promise.all(closing));
    this.#members.clear();
    if (this.#time instanceof PacedTime) this.#time.stop();
  }

  /** Of two that live under one name, the first: a name is told once. */
  #othersThan(name: string): PeerOptions[] {
    const peers = new Map<string, PeerOptions>();
    for (const node of this.nodes) {
      if (node.name !== name && !peers.has(node.name)) peers.set(node.name, this.peer(node));
    }
    return [...peers.values()];
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new NodeError('ERR_CLOSED', 'the test network is closed');
  }

  async #pass(durationMs: number): Promise<void> {
    if (this.#time instanceof VirtualTime) return this.#time.advance(durationMs);
    return new Promise((resolve) => setTimeout(resolve, durationMs));
  }

  /** Two living nodes of one name have two hosts: it is up to them who keeps it. */
  #hostFor(name: string): number {
    const known = this.#hosts.get(name);
    const isTaken = [...this.#members].some(({ host }) => host === known);
    if (known !== undefined && !isTaken) return known;
    if (this.#hostCount >= limits.testHosts) {
      const message = `a test network has at most ${limits.testHosts} hosts`;
      throw new NodeError('ERR_ARGUMENT', message);
    }
    const host = this.#hostCount++;
    this.#hosts.set(name, host);
    for (const plane of this.#deadPlanes) this.#network.cut(host, plane);
    return host;
  }

  #addressesOf(host: number): Record<string, string> {
    return Object.fromEntries(this.planes.map((name, plane) => [name, addressOf(host, plane)]));
  }

  #member(reference: NodeReference): Member {
    const name = typeof reference === 'string' ? fullName(reference, HOST) : null;
    const found = [...this.#members].reverse().find((member) => {
      return name === null ? member.node === reference : member.name === name;
    });
    if (found !== undefined) return found;
    throw new NodeError('ERR_ARGUMENT', `there is no node ${name ?? 'like this one'} here`);
  }

  /** A node that has closed listens no more: it is not one of ours any longer. */
  #transport(host: number, process: VirtualProcess): Transport {
    const transport = this.#network.transport(host, process);
    return {
      ...transport,
      listen: async (port, options, handlers) => {
        const listener = await transport.listen(port, options, handlers);
        const close = async () => {
          await listener.close();
          for (const member of this.#members) {
            if (member.process === process) this.#members.delete(member);
          }
        };
        return { port: listener.port, close };
      },
    };
  }

  #plane(name: string): number {
    const index = this.planes.indexOf(name);
    if (index !== -1) return index;
    throw new NodeError('ERR_ARGUMENT', `there is no plane ${name}, but ${this.planes.join(', ')}`);
  }

  #hostsAt(where: NodeReference | undefined): number[] {
    const all = [...this.#members];
    if (where === undefined) return Array.from({ length: this.#hostCount }, (_, host) => host);
    const there = all.filter(({ name }) => name.endsWith(`@${where}`)).map(({ host }) => host);
    return there.length > 0 ? there : [this.#member(where).host];
  }

  #between(
    from: NodeReference,
    to: NodeReference,
    plane: string | undefined,
    change: (from: number, to: number, plane: number) => void,
  ): void {
    const [a, b] = [this.#member(from).host, this.#member(to).host];
    const planes = plane === undefined ? [...this.planes.keys()] : [this.#plane(plane)];
    for (const index of planes) change(a, b, index);
  }

  #end(member: Member, how: 'killed' | 'vanished'): void {
    this.#members.delete(member);
    member.process.kill();
    this.#network.processEnded(member.host, member.process, how);
  }
}

/**
 * Makes a network for tests. Nothing of it needs SCTP, an addon, privileges or Linux.
 * @throws NodeError ERR_ARGUMENT.
 */
export function createTestNetwork(options: TestNetworkOptions = {}): TestNetwork {
  return new TestNetwork(options);
}
