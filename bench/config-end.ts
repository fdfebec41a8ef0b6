/**
 * Nodes with a configuration in one process of `bench config`. Its argument is JSON, see
 * `NodesSetup`.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { type Config, openConfig, type Seen } from '../src/cluster.js';
import { type ClusterNode, startNode } from '../src/index.js';
import {
  type Client,
  NODE_PORT,
  PREFIX,
  serve,
  VALUE_BYTES,
  Work,
  type WorkAnswer,
  type WorkCommand,
} from './config-work.js';

/** The nodes of one process. */
export interface NodesSetup {
  readonly names: readonly string[];
  readonly address: string;
  readonly masters: readonly { readonly name: string; readonly address: string }[];
  /** Where stores are, on a disk. */
  readonly folder: string;
}

/** What only nodes of ours are told. */
export type NodesCommand =
  | WorkCommand
  /** The first node begins the first lineage. */
  | { readonly do: 'bootstrap' }
  /** All nodes have something to read, and what was seen elsewhere. */
  | { readonly do: 'readable'; readonly seen?: Seen }
  /** Writes so many keys. */
  | { readonly do: 'fill'; readonly keys: number }
  /** Opens so many watches at the first node. */
  | { readonly do: 'crowd'; readonly watches: number }
  /** When all of them have seen so many revisions more: how far behind the node any was of them. */
  | { readonly do: 'behind'; readonly revisions: number };

/** What it answers besides. */
export interface NodesAnswer extends WorkAnswer {
  readonly readableMs?: number;
  readonly residentBytes?: number;
  readonly keys?: number;
  readonly mostBehindMs?: number;
  readonly seen?: Seen;
}

/** Writes of one transaction that fills. */
const FILL_WRITES = 4000;
/** A new slave has all that is written after this. */
const CATCH_UP_MS = 120_000;
const setup = JSON.parse(process.argv[2]!) as NodesSetup;

class ConfigClient implements Client {
  readonly node: ClusterNode;
  readonly config: Config;

  constructor(node: ClusterNode, config: Config) {
    this.node = node;
    this.config = config;
  }

  put(key: string, value: Buffer): Promise<unknown> {
    return this.config.put(key, value);
  }

  async watch(onValue: (value: Buffer) => void): Promise<void> {
    const after = this.config.view!;
    const watch = this.config.watch(PREFIX.slice(0, -1), { after });
    void (async () => {
      for await (const event of watch) {
        if (event.type !== 'changes') throw new Error(`a watch was told ${event.type}`);
        for (const change of event.changes) {
          if (change.type === 'put') onValue(change.value as Buffer);
        }
      }
    })();
  }

  async close(): Promise<void> {
    await this.config.close();
    await this.node.close({ deadlineMs: 0 });
  }
}

/**
 * Watches that all see everything. The clock, a system call in a guest, is read when a node has a
 * revision, and when the last of them has seen it.
 */
class Crowd {
  readonly #watches: number;
  readonly #visibleMs = new Map<number, number>();
  /** How many have seen a revision. */
  readonly #seen = new Map<number, number>();
  #mostBehindMs = 0;
  #complete = 0;

  constructor(config: Config, watches: number) {
    this.#watches = watches;
    const after = config.view!;
    for (let i = 0; i < watches; i += 1) void this.#watch(config, after);
    config.on('commit', ({ revision }) => this.#at(revision));
  }

  /** Resolves when all of them were told so many revisions more than when it was asked last. */
  async mostBehindMs(revisions: number): Promise<number> {
    while (this.#complete < revisions) await new Promise((next) => setTimeout(next, 20));
    this.#complete -= revisions;
    const mostMs = this.#mostBehindMs;
    this.#mostBehindMs = 0;
    return mostMs;
  }

  async #watch(config: Config, after: NonNullable<Config['view']>): Promise<void> {
    for await (const event of config.watch('cluster', { after })) {
      if (event.type !== 'changes') throw new Error(`a watch was told ${event.type}`);
      const { revision } = event;
      const visibleMs = this.#at(revision);
      const seen = (this.#seen.get(revision) ?? 0) + 1;
      this.#seen.set(revision, seen);
      if (seen < this.#watches) continue;
      this.#complete += 1;
      this.#mostBehindMs = Math.max(this.#mostBehindMs, performance.now() - visibleMs);
    }
  }

  /** When the node, or the first of them, had a revision. */
  #at(revision: number): number {
    const known = this.#visibleMs.get(revision);
    if (known !== undefined) return known;
    const nowMs = performance.now();
    this.#visibleMs.set(revision, nowMs);
    return nowMs;
  }
}

async function start(name: string, index: number): Promise<ConfigClient> {
  const { address, masters, folder } = setup;
  const peers = masters
    .filter((master) => master.name !== name)
    .map((master) => ({ name: master.name, addresses: [master.address], port: NODE_PORT }));
  const node = await startNode({
    name,
    planes: [address],
    port: NODE_PORT + index,
    // All ends are ours and live for seconds.
    key: Buffer.alloc(32, 0xb9),
    // There are 66 nodes or more on one machine.
    profile: 'mesh',
    peers,
  });
  const names = masters.map((master) => master.name);
  const config = await openConfig(node, { store: join(folder, name), masters: names });
  return new ConfigClient(node, config);
}

async function readable({ config }: ConfigClient, seen: Seen | undefined): Promise<void> {
  if (config.view === null) await once(config, 'readable');
  if (seen !== undefined) await config.read({ seen, deadlineMs: CATCH_UP_MS });
}

async function bootstrap({ config }: ConfigClient): Promise<void> {
  const names = setup.masters.map(({ name }) => name);
  while (config.status.newcomers.length + 1 < names.length) {
    await new Promise((next) => setTimeout(next, 20));
  }
  await config.masters.bootstrap(names);
}

async function fill({ config }: ConfigClient, keys: number): Promise<Seen> {
  const value = Buffer.alloc(VALUE_BYTES, 1);
  let seen: Seen = { lineage: '', revision: 0 };
  for (let at = 0; at < keys; at += FILL_WRITES) {
    const count = Math.min(FILL_WRITES, keys - at);
    const put = (i: number) => `hosts/host-${at / FILL_WRITES}/${i}`;
    const write = Array.from({ length: count }, (_, i) => ({ put: put(i), value }));
    const { lineage, revision } = await config.transaction({ write });
    seen = { lineage, revision };
  }
  return seen;
}

const startedMs = performance.now();
const clients: ConfigClient[] = [];
for (const [index, name] of setup.names.entries()) clients.push(await start(name, index));
const work = new Work(clients);
const [first] = clients as [ConfigClient];
let crowd: Crowd | null = null;

await serve(
  async (command: NodesCommand): Promise<NodesAnswer> => {
    switch (command.do) {
      case 'bootstrap':
        await bootstrap(first);
        return { done: true };
      case 'readable': {
        await Promise.all(clients.map((client) => readable(client, command.seen)));
        const readableMs = performance.now() - startedMs;
        const residentBytes = process.memoryUsage().rss;
        return { readableMs, residentBytes, keys: first.config.view!.range('').length };
      }
      case 'fill':
        return { seen: await fill(first, command.keys) };
      case 'crowd':
        crowd = new Crowd(first.config, command.watches);
        return { done: true };
      case 'behind':
        return { mostBehindMs: await crowd!.mostBehindMs(command.revisions) };
      default:
        return work.obey(command);
    }
  },
  () => work.close(),
);
