/** Both sides of `bench config` as they stand in the lab: servers, a writer, clients that watch. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { progress } from '../src/cli/report.js';
import type { Lab, LabHost } from '../src/lab/index.js';
import type { ChildProcess } from '../src/runtime/child-process.js';
import type { NodesAnswer, NodesCommand, NodesSetup } from './config-end.js';
import { KEEP_MEMORY } from './keep-memory.js';

/** Hosts of the lab: the servers', */
const MOST_SERVERS = 3;
/** then the writer's, then one for each process with clients that watch. */
const WRITER_HOST = MOST_SERVERS + 1;
/** Clients that watch, in so many processes, each on a host of its own. */
export const WATCHERS = 64;
export const WATCHER_PROCESSES = 4;
export const HOSTS: number = WRITER_HOST + WATCHER_PROCESSES;

/**
 * Where slaves that watch have their stores. On hosts of their own each has a disk of its own; here
 * the one disk is for the masters, as it is for the members of etcd.
 */
const SLAVES_FOLDER = '/dev/shm/backplane-bench-slaves';
const CLIENT_PORT = 2379;
const PEER_PORT = 2380;
/** On this slow kernel all etcd's are to keep their leader; it plays no part in a write. */
const ETCD_TIMES = ['--heartbeat-interval', '250', '--election-timeout', '2500'];
/** Nothing that one command waits for takes longer. */
const ANSWER_MS = 240_000;

/** A process of the benchmark, which answers each command. */
export class EndProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #what: string;

  constructor(host: LabHost, file: string, setup: object) {
    const program = fileURLToPath(new URL(`${file}.js`, import.meta.url));
    const argv = [process.execPath, ...process.execArgv, program, JSON.stringify(setup)];
    this.#what = `${file} on ${host.name}`;
    const env = { ...process.env, ...KEEP_MEMORY };
    this.#child = host.spawn(argv, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    // What it says of its end is that it answers no more.
    this.#child.stdin!.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** @throws (rejects) Error: it failed, ended, or took too long. */
  async answer(): Promise<NodesAnswer> {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), ANSWER_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(late);
    if (done === true) throw new Error(`${this.#what} has ended, or took too long`);
    const answer = JSON.parse(value) as NodesAnswer;
    if (answer.error !== undefined) throw new Error(`${this.#what}: ${answer.error}`);
    return answer;
  }

  ask(command: NodesCommand | { readonly do: 'isAtLeader' }): Promise<NodesAnswer> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    return this.answer();
  }

  /** Lets it close, and end. */
  end(): void {
    this.#child.stdin!.end();
  }
}

/** One side, running. */
export interface Running {
  readonly servers: number;
  readonly writer: EndProcess;
  readonly watchers: readonly EndProcess[];
  /** Ends all its processes, and removes what they have stored. */
  close(): Promise<void>;
}

/** How a side is started: so many servers, and clients that watch or none. */
export interface SideOptions {
  readonly servers: number;
  readonly isWatched: boolean;
}

function remove(...folders: readonly string[]): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

function closer(lab: Lab, ...folders: readonly string[]): () => Promise<void> {
  return async () => {
    await Promise.all(lab.hosts.map((host) => host.killAll()));
    remove(...folders);
  };
}

async function answers(ends: readonly EndProcess[]): Promise<void> {
  await Promise.all(ends.map((end) => end.answer()));
}

/** Numbers of the clients of each process. */
function shares(isWatched: boolean): number[][] {
  const each = WATCHERS / WATCHER_PROCESSES;
  return Array.from({ length: isWatched ? WATCHER_PROCESSES : 0 }, (_, process) => {
    return Array.from({ length: each }, (_, i) => process * each + i);
  });
}

/** Starts nodes of ours: masters, and slaves with the others. */
export class OurSide {
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #masters: NodesSetup['masters'];

  constructor(lab: Lab, folder: string, masters: number) {
    this.#lab = lab;
    this.#folder = join(folder, 'ours');
    this.#masters = lab.hosts
      .slice(0, masters)
      .map(({ name, addresses }) => ({ name: `master@${name}`, address: addresses[0]! }));
  }

  async start(isWatched: boolean): Promise<Running> {
    const close = closer(this.#lab, this.#folder, SLAVES_FOLDER);
    // What a run before this one may have left, when it was killed.
    remove(this.#folder, SLAVES_FOLDER);
    try {
      const masters = this.#masters.map(({ name }, i) => this.#nodes(i + 1, [name]));
      await answers(masters);
      await masters[0]!.ask({ do: 'bootstrap' });
      const writer = this.slave(WRITER_HOST, ['writer'], SLAVES_FOLDER);
      const watchers: EndProcess[] = shares(isWatched).map((numbers, i) =>
        this.slave(
          WRITER_HOST + 1 + i,
          numbers.map((number) => `slave${number}`),
          SLAVES_FOLDER,
        ),
      );
      await answers([writer, ...watchers]);
      for (const end of [writer, ...watchers]) await end.ask({ do: 'readable' });
      progress(`${masters.length} masters and their slaves are there`);
      return { servers: masters.length, writer, watchers, close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Starts slaves on a host. Their first answer is still to be taken. */
  slave(host: number, names: readonly string[], folder = this.#folder): EndProcess {
    const full = names.map((name) => `${name}@host${host}`);
    return this.#nodes(host, full, folder);
  }

  #nodes(number: number, names: readonly string[], folder = this.#folder): EndProcess {
    const host = this.#lab.host(number);
    const masters = this.#masters;
    const setup: NodesSetup = { names, address: host.addresses[0]!, masters, folder };
    return new EndProcess(host, 'config-end', setup);
  }
}

/** Starts members of etcd, and its clients. */
export async function startEtcd(
  lab: Lab,
  folder: string,
  { servers, isWatched }: SideOptions,
): Promise<Running> {
  const own = join(folder, 'etcd');
  const close = closer(lab, own);
  const hosts = lab.hosts.slice(0, servers);
  const url = ({ addresses }: LabHost, port: number) => `http://${addresses[0]}:${port}`;
  remove(own);
  const cluster = hosts.map((host) => `${host.name}=${url(host, PEER_PORT)}`).join(',');
  try {
    for (const host of hosts) {
      const [client, peer] = [url(host, CLIENT_PORT), url(host, PEER_PORT)];
      const argv = ['etcd', '--name', host.name, '--data-dir', join(own, host.name)];
      argv.push('--listen-client-urls', client, '--advertise-client-urls', client);
      argv.push('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer);
      argv.push('--initial-cluster', cluster, '--initial-cluster-state', 'new', ...ETCD_TIMES);
      const child = host.spawn([...argv, '--logger', 'zap', '--log-level', 'error'], {
        env: { ...process.env, ...KEEP_MEMORY },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      await once(child, 'spawn');
    }
    const urls = hosts.map((host) => url(host, CLIENT_PORT));
    const watchers = shares(isWatched).map((numbers, i) => {
      const setup = { urls: numbers.map((number) => urls[number % urls.length]!) };
      return new EndProcess(lab.host(WRITER_HOST + 1 + i), 'etcd-end', setup);
    });
    await answers(watchers);
    const writer = await leaderWriter(lab, urls);
    progress(`${servers} members of etcd and their clients are there`);
    return { servers, writer, watchers, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A writer that is with the leader: any other member would pass on what it is asked. */
async function leaderWriter(lab: Lab, urls: readonly string[]): Promise<EndProcess> {
  for (const url of urls) {
    const writer = new EndProcess(lab.host(WRITER_HOST), 'etcd-end', { urls: [url] });
    await writer.answer();
    if ((await writer.ask({ do: 'isAtLeader' })).done === true) return writer;
    writer.end();
  }
  throw new Error('etcd has no leader');
}
