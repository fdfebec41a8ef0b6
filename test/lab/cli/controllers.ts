/** Controllers that `backplane start` runs on the hosts of a lab, and commands that ask them. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ClusterStatus } from '../../../src/controller/cluster-status.js';
import { createLab, type Lab } from '../../../src/lab/index.js';
import { cli, commandOf, Lines } from './support.js';

/** A controller that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly lines: Lines;
}

/** What a command came to. */
export interface Answer {
  readonly status: number | null;
  /** The last line. */
  readonly json: Record<string, unknown>;
}

const LOAD_MS = 3000;

/** Hosts of which the first two are masters. Each has a folder of its own. */
export class Controllers {
  readonly lab: Lab;
  readonly folder: string;
  readonly #running: (Running | undefined)[] = [];

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.folder = folder;
  }

  static async make(context: TestContext, hosts: number): Promise<Controllers> {
    const lab = await createLab({ hosts });
    const folder = mkdtempSync(join(tmpdir(), 'backplane-ct-'));
    const all = new Controllers(lab, folder);
    context.after(async () => {
      for (let host = 1; host <= hosts; host++) await all.end(host, 'SIGKILL');
      await lab.close();
      rmSync(folder, { recursive: true });
    });
    await once(cli(lab.host(1), 'keygen', join(folder, 'cluster.key')), 'exit');
    for (let host = 1; host <= hosts; host++) {
      mkdirSync(join(folder, `host${host}`));
      all.write(host, {});
    }
    return all;
  }

  /** Full name of a controller. */
  name(host: number): string {
    return `controller@host${host}`;
  }

  /** Path of a host file. */
  file(host: number): string {
    return join(this.folder, `host${host}`, 'host.yaml');
  }

  /** Writes the file of a host; JSON is YAML. */
  write(host: number, changes: Readonly<Record<string, unknown>>): void {
    const masters = this.lab.hosts.slice(0, 2).map(({ name, number }) => {
      return { host: name, addresses: this.addresses(number) };
    });
    const common = { planes: this.lab.cidrs, masters, keyFile: '../cluster.key' };
    const own = { host: `host${host}`, store: 'store', loadMs: LOAD_MS };
    const folders = { run: 'run', workers: 'workers' };
    writeFileSync(this.file(host), JSON.stringify({ ...common, ...own, ...folders, ...changes }));
  }

  /** The addresses of a host by plane. */
  addresses(host: number): Record<string, string> {
    const { addresses } = this.lab.host(host);
    return Object.fromEntries(this.lab.planes.map((plane, at) => [plane, addresses[at] ?? '']));
  }

  /** Starts one, and resolves when it runs. */
  async start(host: number): Promise<Running> {
    const running = this.#spawn(host);
    this.#running[host] = running;
    await running.lines.until('controller');
    return running;
  }

  /** Starts one that is to end by itself. */
  async refused(host: number): Promise<Answer> {
    const { child, lines } = this.#spawn(host);
    await once(child, 'close');
    return { status: child.exitCode, json: lines.all.at(-1) ?? {} };
  }

  /** The controller that runs at a host. */
  at(host: number): Running {
    const running = this.#running[host];
    assert.ok(running !== undefined);
    return running;
  }

  /** Ends one; what it ended with, or the signal that ended it. */
  async end(host: number, signal: NodeJS.Signals): Promise<number | string | null> {
    const running = this.#running[host];
    this.#running[host] = undefined;
    if (running === undefined) return null;
    const { child } = running;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'close');
      child.kill(signal);
      await ended;
    }
    return child.signalCode ?? child.exitCode;
  }

  /** Runs a command at a host. */
  async ask(host: number, ...args: string[]): Promise<Answer> {
    const child = cli(this.lab.host(host), ...args, '--config', this.file(host), '--json');
    const lines = new Lines(child);
    await once(child, 'close');
    return { status: child.exitCode, json: lines.all.at(-1) ?? {} };
  }

  /** Runs one that must do what it says. */
  async done(host: number, ...args: string[]): Promise<Record<string, unknown>> {
    const { status, json } = await this.ask(host, ...args);
    assert.equal(status, 0, `${args.join(' ')}: ${JSON.stringify(json)}`);
    return json;
  }

  /** The cluster as a host gathers it. */
  async status(host: number): Promise<ClusterStatus> {
    return (await this.done(host, 'status')) as unknown as ClusterStatus;
  }

  /** Asks until the cluster is as it is to be: what is told has its own pace. */
  async until(host: number, isSo: (status: ClusterStatus) => boolean): Promise<ClusterStatus> {
    for (;;) {
      const status = await this.status(host);
      if (isSo(status)) return status;
    }
  }

  /** All of them, as one cluster with a configuration that knows where they are. */
  async boot(): Promise<void> {
    const hosts = this.lab.hosts.map(({ number }) => number);
    await Promise.all(hosts.map((host) => this.start(host)));
    await this.at(1).lines.until('configNewcomer', { peer: this.name(2) });
    await this.done(1, 'masters', 'bootstrap', this.name(1), this.name(2), '--yes');
    for (const host of hosts) {
      const value = JSON.stringify(this.addresses(host));
      await this.done(1, 'config', 'put', `hosts/host${host}/addresses`, value, '--yes');
    }
    for (const host of hosts) {
      await this.at(host).lines.until('cluster', { condition: 'up' });
    }
  }

  #spawn(host: number): Running {
    const args = ['start', '--config', this.file(host), '--json'];
    const child = this.lab.host(host).spawn(commandOf(args), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return { child, lines: new Lines(child) };
  }
}
