/** Nodes in one process, on a network in memory, in virtual time, with diaries of their events. */
import assert from 'node:assert/strict';
import type { NodeEvents } from '../../../src/node/events.js';
import type { ClusterNode } from '../../../src/node/node.js';
import type { NodeOptions } from '../../../src/node/options.js';
import { startNodeIn } from '../../../src/node/start.js';
import { BUNDLE_HEADER_BYTES, writeBundleHeader } from '../../../src/wire/bundle.js';
import type { Offer } from '../../../src/wire/handshake-frames.js';
import type { MessageFields } from '../../../src/wire/records.js';
import { encode, message } from '../wire/sample-records.js';
import { MemoryNetwork } from './memory-network.js';
import { VirtualRuntime } from './virtual-runtime.js';

export const PORT = 24100;
export const KEY = Buffer.alloc(32, 7);

/** Every event of a node, in order, as its name and its payload. */
export type Diary = { [K in keyof NodeEvents]: [K, NodeEvents[K][0]] }[keyof NodeEvents][];

export interface Member {
  readonly node: ClusterNode;
  readonly diary: Diary;
  readonly host: number;
}

const EVENTS: readonly (keyof NodeEvents)[] = [
  'nodeup',
  'nodedown',
  'path',
  'redundancy',
  'planeDeferred',
  'stalled',
  'resumed',
  'drain',
  'groupJoin',
  'groupLeave',
  'dialFailed',
  'peers',
  'peersFailed',
  'partition',
  'refused',
  'handlerError',
];

/** Addresses of a host, one per plane. */
export const addressesOf = (host: number): readonly [string, string] => [
  `10.1.0.${host}`,
  `10.2.0.${host}`,
];

export class Cluster {
  readonly runtime: VirtualRuntime;
  readonly network: MemoryNetwork;

  constructor(seed = 1) {
    this.runtime = new VirtualRuntime(seed);
    this.network = new MemoryNetwork(this.runtime);
  }

  /** Starts `name` on host number `host`, both planes; its port is free unless told otherwise. */
  async start(
    name: string,
    host: number,
    options: Partial<NodeOptions> = {},
    offer?: Offer,
    addresses: readonly string[] = addressesOf(host),
  ): Promise<Member> {
    const node = await startNodeIn(
      {
        runtime: this.runtime,
        transport: this.network.transport(),
        machine: {
          hostName: `host${host}`,
          addresses: addresses.map((address) => ({ address, prefixBits: 24 })),
        },
        ...(offer === undefined ? {} : { offer }),
      },
      {
        name,
        planes: addresses,
        port: PORT,
        ...(options.keyFile === undefined ? { key: KEY } : {}),
        ...options,
      },
    );
    const diary: Diary = [];
    for (const event of EVENTS) {
      node.on(event, ((payload: unknown) => diary.push([event, payload] as never)) as never);
    }
    return { node, diary, host };
  }

  /** `from` dials `to`; done when both have the link. */
  async link(from: Member, to: Member): Promise<void> {
    const up = from.node.connect(target(to));
    await this.run(100);
    await up;
    assert.ok(to.node.nodes.some(({ name }) => name === from.node.name));
  }

  run(durationMs: number): Promise<void> {
    return this.runtime.run(durationMs);
  }

  /** Lets time pass until a promise is settled. */
  async until<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (let passedMs = 0; !isSettled && passedMs < withinMs; passedMs += 1) await this.run(1);
    assert.ok(isSettled, `not settled within ${withinMs} ms`);
    return promise;
  }
}

/** Two nodes with a link. */
export async function linkedPair(
  options: Partial<NodeOptions> = {},
): Promise<{ cluster: Cluster; one: Member; two: Member }> {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, options);
  const two = await cluster.start('two', 2, options);
  await cluster.link(one, two);
  return { cluster, one, two };
}

/**
 * Messages of a peer that keeps to no rule reach host number `host`, in one bundle, on a stream
 * that is not used otherwise: once for each link. The link must be `authenticated` only.
 */
export function inject(
  cluster: Cluster,
  host: number,
  ...messages: Partial<MessageFields>[]
): void {
  injectAt(cluster, host, 0, ...messages);
}

/** The same as one of several bundles, numbered from 0. */
export function injectAt(
  cluster: Cluster,
  host: number,
  sequence: number,
  ...messages: Partial<MessageFields>[]
): void {
  const [address] = addressesOf(host);
  const carrier = [...cluster.network.carriers].find((c) => c.localAddresses[0] === address);
  assert.ok(carrier !== undefined, `host ${host} has no link`);
  const records = messages.map((changes) => encode(message(changes)));
  const bundle = Buffer.concat([Buffer.alloc(BUNDLE_HEADER_BYTES), ...records]);
  writeBundleHeader(bundle, bundle.length, { loose: false, generation: 0, sequence });
  carrier.inject(carrier.inboundStreams - 1, bundle);
}

/** What `connect` is told of a member. */
export function target({ node, host }: Member) {
  return { name: node.name, addresses: addressesOf(host), port: PORT };
}

/** The events of these names, in order, each with its reason, state or code where it has one. */
export function words(diary: Diary, ...names: (keyof NodeEvents)[]): string[] {
  return diary
    .filter(([name]) => names.includes(name))
    .map(([name, payload]) => {
      const { reason, state, code } = payload as { reason?: string; state?: string; code?: string };
      const detail = reason ?? state ?? code;
      return detail === undefined ? name : `${name} ${detail}`;
    });
}
