import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createLab, type Lab } from '../../../src/lab/index.js';
import { cli, Lines } from './support.js';

const NAMES = ['one@host1', 'two@host2', 'three@host3'];
const limit = { timeout: 180_000 };

/** A daemon on each of three hosts. Files are in one folder: the hosts of a lab share them. */
class Daemons {
  readonly lab: Lab;
  readonly #folder: string;
  readonly #running: { child: ChildProcess; lines: Lines }[] = [];

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.#folder = folder;
  }

  static async make(context: TestContext): Promise<Daemons> {
    const lab = await createLab({ hosts: 3 });
    const folder = mkdtempSync(join(tmpdir(), 'backplane-config-'));
    const daemons = new Daemons(lab, folder);
    context.after(async () => {
      for (let host = 1; host <= 3; host++) await daemons.end(host, 'SIGKILL');
      await lab.close();
      rmSync(folder, { recursive: true });
    });
    await once(cli(lab.host(1), 'keygen', join(folder, 'cluster.key')), 'exit');
    const peers = NAMES.map((name, index) => {
      return { name, addresses: lab.host(index + 1).addresses };
    });
    for (let host = 1; host <= 3; host++) {
      const configuration = { store: `store${host}`, masters: NAMES.slice(0, 2), loadMs: 3000 };
      writeFileSync(
        daemons.#file(host),
        JSON.stringify({
          planes: lab.cidrs,
          keyFile: 'cluster.key',
          control: `${host}.sock`,
          peers,
          configuration,
        }),
      );
    }
    return daemons;
  }

  #file(host: number): string {
    return join(this.#folder, `${host}.json`);
  }

  async start(host: number): Promise<Lines> {
    const name = NAMES[host - 1] as string;
    const args = ['serve', '--config', this.#file(host), '--json', '--name', name];
    const child = cli(this.lab.host(host), ...args);
    const lines = new Lines(child);
    this.#running[host] = { child, lines };
    await lines.until('listening');
    return lines;
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
}

function values(answer: Record<string, unknown>): unknown {
  const items = answer['items'] as { key: string; value: unknown }[];
  return Object.fromEntries(items.map(({ key, value }) => [key, value]));
}

test('three daemons begin a configuration, end, start and lose one', limit, async (context) => {
  const daemons = await Daemons.make(context);
  for (const host of [1, 2, 3]) await daemons.start(host);
  await daemons.lines(1).until('nodeup', { peer: 'two@host2' });
  await daemons.lines(3).until('nodeup', { peer: 'one@host1' });
  await daemons.lines(3).until('nodeup', { peer: 'two@host2' });

  await daemons.done(1, 'masters', 'bootstrap', 'one@host1', 'two@host2', '--yes');
  await daemons.lines(3).until('configReadable');
  await daemons.done(3, 'config', 'put', 'cluster/a', '{ from: three }', '--yes');
  const fresh = await daemons.done(2, 'config', 'get', '--fresh');
  assert.deepEqual(values(fresh), { 'cluster/a': { from: 'three' } });
  await daemons.done(2, 'config', 'put', 'cluster/b', '2', '--yes');

  // All end, in two ways, and start again without an operator.
  await daemons.end(1, 'SIGKILL');
  for (const host of [2, 3]) await daemons.end(host, 'SIGTERM');
  for (const host of [3, 2, 1]) await daemons.start(host);
  for (const host of [1, 2, 3]) await daemons.lines(host).until('configReadable');
  await daemons.lines(1).until('configWritable');
  await daemons.lines(3).until('nodeup', { peer: 'one@host1' });
  const expected = { 'cluster/a': { from: 'three' }, 'cluster/b': 2 };
  assert.deepEqual(values(await daemons.done(3, 'config', 'get', '--fresh')), expected);

  // The sequencer is lost: no writes, then a force, and it returns as a slave.
  await daemons.end(1, 'SIGKILL');
  await daemons.lines(2).until('nodedown', { peer: 'one@host1' });
  const refused = await daemons.ask(2, 'config', 'put', 'cluster/b', '3', '--yes');
  assert.deepEqual([refused['ok'], refused['code']], [false, 'ERR_REPLICAS']);
  const forced = await daemons.done(2, 'masters', 'force', '--yes');
  assert.equal(forced['epoch'], 2);
  await daemons.lines(3).until('configEpoch', { epoch: 2 });
  await daemons.done(3, 'config', 'put', 'cluster/b', '3', '--yes');
  const returned = await daemons.start(1);
  await returned.until('configRole', { role: 'slave' });
  await daemons.done(2, 'masters', 'add', 'one@host1', '--yes');
  const list = await daemons.done(1, 'masters', 'list');
  assert.deepEqual(
    (list['masters'] as { name: string }[]).map(({ name }) => name),
    ['two@host2', 'one@host1'],
  );
  assert.deepEqual(values(await daemons.done(1, 'config', 'get')), {
    ...expected,
    'cluster/b': 3,
  });
});
