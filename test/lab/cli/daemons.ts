/** Nodes that `backplane serve` runs, with a configuration, and commands that ask them. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createLab, type Lab } from '../../../src/lab/index.js';
import { cli, commandOf, Lines } from './support.js';

const NAMES = ['one@host1', 'two@host2', 'three@host3'];

/** How daemons are made. */
export interface DaemonsOptions {
  readonly hosts: number;
  /** So many of the nodes are named as masters. */
  readonly masters: number;
}

/** A daemon on each of the hosts. Files are in one folder: the hosts of a lab share them. */
export class Daemons {
  readonly lab: Lab;
  readonly folder: string;
  readonly #running: { child: ChildProcess; lines: Lines }[] = [];

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.folder = folder;
  }

  static async make(context: TestContext, options: DaemonsOptions): Promise<Daemons> {
    const { hosts, masters } = options;
    const lab = await createLab({ hosts });
    const folder = mkdtempSync(join(tmpdir(), 'backplane-config-'));
    const daemons = new Daemons(lab, folder);
    context.after(async () => {
      for (let host = 1; host <= hosts; host++) await daemons.end(host, 'SIGKILL');
      await lab.close();
      rmSync(folder, { recursive: true });
    });
    await once(cli(lab.host(1), 'keygen', join(folder, 'cluster.key')), 'exit');
    const peers = lab.hosts.map(({ addresses }, index) => ({ name: NAMES[index], addresses }));
    for (let host = 1; host <= hosts; host++) {
      const fields = {
        planes: lab.cidrs,
        keyFile: 'cluster.key',
        control: `${host}.sock`,
        peers,
        configuration: { store: `store${host}`, masters: NAMES.slice(0, masters), loadMs: 3000 },
      };
      writeFileSync(daemons.#file(host), JSON.stringify(fields));
    }
    return daemons;
  }

  /** The folder of a host's store. */
  store(host: number): string {
    return join(this.folder, `store${host}`);
  }

  /** Starts a daemon that is to run. `before`: words before its command. */
  async start(host: number, before: readonly string[] = []): Promise<Lines> {
    const running = this.#serve(host, before);
    this.#running[host] = running;
    await running.lines.until('listening');
    return running.lines;
  }

  /** Starts a daemon, and makes it the only master of a configuration of its own. */
  async begin(host: number, before: readonly string[] = []): Promise<void> {
    const lines = await this.start(host, before);
    await lines.until('configOpened');
    await this.done(host, 'masters', 'bootstrap', NAMES[host - 1] ?? '', '--yes');
  }

  /** Starts one that is to end by itself; the last line it printed. */
  async refused(host: number, before: readonly string[] = []): Promise<Record<string, unknown>> {
    const { child, lines } = this.#serve(host, before);
    await once(child, 'close');
    assert.equal(child.exitCode, 1);
    return lines.all.at(-1) as Record<string, unknown>;
  }

  async end(host: number, signal: NodeJS.Signals): Promise<void> {
    const running = this.#running[host];
    if (running === undefined || running.child.exitCode !== null) return;
    if (running.child.signalCode !== null) return;
    const ended = once(running.child, 'close');
    running.child.kill(signal);
    await ended;
  }

  lines(host: number): Lines {
    return this.#running[host]?.lines as Lines;
  }

  /** Runs a command at a host; what it printed last. */
  async ask(host: number, ...args: string[]): Promise<Record<string, unknown>> {
    const child = cli(this.lab.host(host), ...args, '--config', this.#file(host), '--json');
    const lines = new Lines(child);
    await once(child, 'close');
    return lines.all.at(-1) as Record<string, unknown>;
  }

  /** Runs a command at a host that must do what it says. */
  async done(host: number, ...args: string[]): Promise<Record<string, unknown>> {
    const answer = await this.ask(host, ...args);
    assert.equal(answer['ok'], true, `${args.join(' ')}: ${JSON.stringify(answer)}`);
    return answer;
  }

  #file(host: number): string {
    return join(this.folder, `${host}.json`);
  }

  #serve(host: number, before: readonly string[]): { child: ChildProcess; lines: Lines } {
    const args = ['serve', '--config', this.#file(host), '--json', '--name', NAMES[host - 1] ?? ''];
    const child = this.lab.host(host).spawn([...before, ...commandOf(args)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return { child, lines: new Lines(child) };
  }
}

/** What a `get` with `--json` has found. */
export function values(answer: Record<string, unknown>): unknown {
  const items = answer['items'] as { key: string; value: unknown }[];
  return Object.fromEntries(items.map(({ key, value }) => [key, value]));
}
