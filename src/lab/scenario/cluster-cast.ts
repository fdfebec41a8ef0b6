/**
 * Who takes part in the demonstrations of clusters: a controller on each host, run by the real
 * command, and an operator who types the real commands.
 */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterStatus } from '../../cluster.js';
import { LabError } from '../../errors.js';
import type { ChildProcess } from '../../runtime/child-process.js';
import type { LabHost } from '../network/host.js';
import type { Lab } from '../network/lab.js';
import { writeKeyFile } from './ends.js';
import { asService, type Service } from './service.js';

export const CLUSTER_PROFILE = 'lan';
const LOAD_MS = 3000;
const MASTERS = 2;
/** It ends a run in which something hangs, and judges nothing. */
const WITHIN_MS = 120_000;
/** Between two looks at what is waited for. */
const LOOK_MS = 50;

/** A line of a log, or what a command printed last. */
export type Printed = Readonly<Record<string, unknown>>;

/** A host, and the controller that runs there now. */
export class ClusterMember {
  readonly host: LabHost;
  /** What the cluster calls the host. */
  readonly hostName: string;
  readonly folder: string;
  child: ChildProcess | null = null;
  /** What its controllers logged, with when; on the clock of `process.hrtime`. */
  readonly log: { readonly line: Printed; readonly atMs: number }[] = [];

  /** @param folder in which that of the host is made */
  constructor(host: LabHost, folder: string, hostName = host.name) {
    this.host = host;
    this.hostName = hostName;
    this.folder = path.join(folder, hostName);
    mkdirSync(this.folder);
  }

  get name(): string {
    return `controller@${this.hostName}`;
  }

  get file(): string {
    return path.join(this.folder, 'host.yaml');
  }

  /** Where in the log what happens from now on begins. */
  get mark(): number {
    return this.log.length;
  }
}

/** Hosts of a lab as members, each with a host file and all it names in a folder of its own. */
export function plainMembers(lab: Lab, folder: string): ClusterMember[] {
  const keyFile = path.join(folder, 'cluster.key');
  writeKeyFile(keyFile);
  const masters = lab.hosts.slice(0, MASTERS).map(({ name, addressByPlane }) => {
    return { host: name, addresses: addressByPlane };
  });
  return lab.hosts.map((host) => {
    const member = new ClusterMember(host, folder);
    const common = { planes: lab.cidrs, masters, keyFile, profile: CLUSTER_PROFILE };
    const folders = { store: 'store', run: 'run', workers: 'workers' };
    const fields = { host: host.name, ...folders, loadMs: LOAD_MS };
    // JSON is YAML.
    writeFileSync(member.file, JSON.stringify({ ...common, ...fields }));
    return member;
  });
}

export class ClusterCast {
  readonly lab: Lab;
  readonly all: readonly ClusterMember[];
  readonly #command: readonly string[];
  readonly #service: Service;

  /**
   * @param command the program `backplane` with what comes before its own arguments
   * @param all the masters first
   * @param service what controllers are started with
   */
  constructor(
    lab: Lab,
    command: readonly string[],
    all: readonly ClusterMember[],
    service: Service = { nice: 0, group: null },
  ) {
    this.lab = lab;
    this.#command = command;
    this.all = all;
    this.#service = service;
  }

  get masters(): readonly ClusterMember[] {
    return this.all.slice(0, MASTERS);
  }

  /** Starts a controller, and resolves when it runs. */
  async start(member: ClusterMember): Promise<void> {
    const { mark } = member;
    const delegated = this.#service.group === null ? [] : ['--delegated'];
    const start = [...this.#command, 'start', '--config', member.file, '--json', ...delegated];
    const child = member.host.spawn(asService(this.#service, start), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    member.child = child;
    createInterface({ input: child.stdout! }).on('line', (text) => {
      member.log.push({ line: JSON.parse(text) as Printed, atMs: nowMs() });
    });
    await this.logged(member, mark, { event: 'controller' });
  }

  /** Ends one, as `kill -9` does or otherwise. */
  async kill(member: ClusterMember, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = member;
    member.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }

  /**
   * Resolves when a line with these fields is in the log, after a mark.
   * @returns when it was logged.
   */
  async logged(member: ClusterMember, mark: number, fields: Printed): Promise<number> {
    const wanted = Object.entries(fields);
    const find = () =>
      member.log.slice(mark).find(({ line }) => {
        return wanted.every(([name, value]) => line[name] === value);
      });
    await this.until(`${member.name} logs ${JSON.stringify(fields)}`, async () => {
      if (member.child !== null && member.child.exitCode !== null) {
        const last = JSON.stringify(member.log.at(-1)?.line);
        throw new LabError('ERR_LAB', `${member.name} has ended: ${last}`);
      }
      return find() !== undefined;
    });
    return find()!.atMs;
  }

  /** What a command says at a host, whatever it says. */
  async ask(member: ClusterMember, ...args: string[]): Promise<Printed> {
    const argv = [...this.#command, ...args, '--config', member.file, '--json'];
    const child = member.host.spawn(argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout?.on('data', (data: Buffer) => {
      text += data.toString();
    });
    await once(child, 'close');
    return JSON.parse(text.trimEnd().split('\n').at(-1) || '{}') as Printed;
  }

  /** The same, of one that must succeed. @throws LabError ERR_LAB. */
  async order(member: ClusterMember, ...args: string[]): Promise<Printed> {
    const printed = await this.ask(member, ...args);
    if (printed['ok'] === true) return printed;
    throw new LabError('ERR_LAB', `${args.join(' ')}: ${JSON.stringify(printed)}`);
  }

  /** The cluster as a host gathers it. */
  async status(member: ClusterMember): Promise<ClusterStatus> {
    return (await this.order(member, 'status')) as unknown as ClusterStatus;
  }

  /** Asks a host until the cluster is as it is to be. */
  async statusWhen(
    member: ClusterMember,
    what: string,
    isSo: (status: ClusterStatus) => boolean,
  ): Promise<ClusterStatus> {
    let status: ClusterStatus | undefined;
    await this.until(`${what}, as seen from ${member.name}`, async () => {
      status = await this.status(member);
      return isSo(status);
    });
    return status as ClusterStatus;
  }

  /** Resolves when it is so. @throws LabError ERR_LAB: it takes too long. */
  async until(what: string, isDone: () => Promise<boolean>): Promise<void> {
    const lateMs = nowMs() + WITHIN_MS;
    while (!(await isDone())) {
      if (nowMs() > lateMs) {
        throw new LabError('ERR_LAB', `${what}: not within ${WITHIN_MS} ms`);
      }
      await delay(LOOK_MS);
    }
  }
}

export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
