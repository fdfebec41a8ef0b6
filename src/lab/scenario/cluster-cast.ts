/**
 * Who takes part in the demonstration of a cluster: a controller on each of three hosts, run by the
 * real command, and an operator who types the real commands.
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
  readonly folder: string;
  child: ChildProcess | null = null;
  /** What its controllers logged, with when; on the clock of `process.hrtime`. */
  readonly log: { readonly line: Printed; readonly atMs: number }[] = [];

  constructor(host: LabHost, folder: string) {
    this.host = host;
    this.folder = path.join(folder, host.name);
  }

  get name(): string {
    return `controller@${this.host.name}`;
  }

  get file(): string {
    return path.join(this.folder, 'host.yaml');
  }

  /** Where in the log what happens from now on begins. */
  get mark(): number {
    return this.log.length;
  }
}

export class ClusterCast {
  readonly lab: Lab;
  readonly all: readonly ClusterMember[];
  readonly #command: readonly string[];
  readonly #nice: number;

  /**
   * @param command the program `backplane` with what comes before its own arguments
   * @param nice that of controllers
   */
  constructor(lab: Lab, folder: string, command: readonly string[], nice = 0) {
    this.lab = lab;
    this.#command = command;
    this.#nice = nice;
    this.all = lab.hosts.map((host) => new ClusterMember(host, folder));
    const keyFile = path.join(folder, 'cluster.key');
    writeKeyFile(keyFile);
    const masters = this.masters.map(({ host }) => {
      return { host: host.name, addresses: this.addresses(host) };
    });
    for (const { host, folder: own, file } of this.all) {
      mkdirSync(own);
      const common = { planes: lab.cidrs, masters, keyFile, profile: CLUSTER_PROFILE };
      const folders = { store: 'store', run: 'run', workers: 'workers' };
      const fields = { host: host.name, ...folders, loadMs: LOAD_MS };
      // JSON is YAML.
      writeFileSync(file, JSON.stringify({ ...common, ...fields }));
    }
  }

  get masters(): readonly ClusterMember[] {
    return this.all.slice(0, MASTERS);
  }

  /** Addresses of a host by plane. */
  addresses(host: LabHost): Readonly<Record<string, string>> {
    return Object.fromEntries(this.lab.planes.map((plane) => [plane, host.address(plane) ?? '']));
  }

  /** Starts a controller, and resolves when it runs. */
  async start(member: ClusterMember): Promise<void> {
    const { mark } = member;
    const start = [...this.#command, 'start', '--config', member.file, '--json'];
    const argv = ['nice', '-n', String(this.#nice), ...start];
    const child = member.host.spawn(argv, { stdio: ['ignore', 'pipe', 'inherit'] });
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
    await this.#until(`${member.name} logs ${JSON.stringify(fields)}`, async () => {
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
    await this.#until(`${what}, as seen from ${member.name}`, async () => {
      status = await this.status(member);
      return isSo(status);
    });
    return status as ClusterStatus;
  }

  async #until(what: string, isDone: () => Promise<boolean>): Promise<void> {
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
