/**
 * Clients of etcd in one process of `bench config`. Its argument is JSON: a member's URL for each
 * client, which has a connection of its own, as clients on hosts of their own have.
 */
import { Etcd3 } from 'etcd3';
import { type Client, PREFIX, serve, Work, type WorkCommand } from './config-work.js';

class EtcdClient implements Client {
  readonly #etcd: Etcd3;

  constructor(url: string) {
    const grpcOptions = { 'grpc.use_local_subchannel_pool': 1 };
    this.#etcd = new Etcd3({ hosts: url, grpcOptions });
  }

  /** Whether it is reached, and its cluster has a leader. */
  async isReady(): Promise<boolean> {
    const { leader } = await this.#etcd.maintenance.status();
    return leader !== '0';
  }

  /** Whether it is with the leader itself. */
  async isAtLeader(): Promise<boolean> {
    const { leader, header } = await this.#etcd.maintenance.status();
    return leader === header.member_id;
  }

  async put(key: string, value: Buffer): Promise<void> {
    await this.#etcd.put(key).value(value);
  }

  async watch(onValue: (value: Buffer) => void): Promise<void> {
    const watcher = await this.#etcd.watch().prefix(PREFIX).create();
    watcher.on('put', ({ value }) => onValue(value));
  }

  async close(): Promise<void> {
    this.#etcd.close();
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await new Promise((next) => setTimeout(next, 50));
}

const { urls } = JSON.parse(process.argv[2]!) as { readonly urls: readonly string[] };
const clients = urls.map((url) => new EtcdClient(url));
for (const client of clients) await until(() => client.isReady());
const work = new Work(clients);

await serve(
  async (command: WorkCommand | { readonly do: 'isAtLeader' }) => {
    if (command.do === 'isAtLeader') return { done: await clients[0]!.isAtLeader() };
    return work.obey(command);
  },
  () => work.close(),
);
