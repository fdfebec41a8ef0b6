import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLab, type Lab, type LabHost } from '../../../src/lab/index.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const limit = { timeout: 60_000 };

interface Setup {
  readonly lab: Lab;
  readonly config: string;
}

/** Two hosts, and one configuration file with a key that fits both. */
async function setup(context: TestContext): Promise<Setup> {
  const lab = await createLab({ hosts: 2 });
  const folder = mkdtempSync(join(tmpdir(), 'backplane-cli-'));
  context.after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });
  const keygen = cli(lab.host(1), 'keygen', join(folder, 'cluster.key'));
  await once(keygen, 'exit');
  assert.equal(keygen.exitCode, 0);
  const config = join(folder, 'backplane.json');
  const peers = [{ name: 'one@host1', addresses: lab.host(1).addresses }];
  writeFileSync(config, JSON.stringify({ planes: lab.cidrs, keyFile: 'cluster.key', peers }));
  return { lab, config };
}

function cli(host: LabHost, ...args: string[]): ChildProcess {
  return host.spawn([process.execPath, main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Lines of standard output as they come, each as its JSON. */
class Lines {
  readonly all: Record<string, unknown>[] = [];
  #waiting: (() => void)[] = [];

  constructor(child: ChildProcess) {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.all.push(JSON.parse(line));
      for (const look of this.#waiting.splice(0)) look();
    });
  }

  async until(event: string, fields: object = {}): Promise<void> {
    const fits = (line: Record<string, unknown>) =>
      line['event'] === event &&
      Object.entries(fields).every(([name, value]) => line[name] === value);
    while (!this.all.some(fits)) {
      await new Promise<void>((look) => {
        this.#waiting.push(look);
      });
    }
  }
}

test('serve and ping show a pulled cable: no ping is lost', limit, async (context) => {
  const { lab, config } = await setup(context);
  const args = ['--config', config, '--json'];
  const serve = cli(lab.host(1), 'serve', ...args, '--name', 'one@host1');
  const served = new Lines(serve);
  await served.until('listening');

  const ping = cli(lab.host(2), 'ping', 'one', ...args, '--count', '250', '--interval-ms', '20');
  const pinged = new Lines(ping);
  const ended = once(ping, 'close');
  await served.until('nodeup');
  lab.cut('link-down', 'a', 2);
  await served.until('redundancy', { state: 'lost' });
  lab.heal();
  await served.until('redundancy', { state: 'restored' });
  await ended;

  assert.equal(ping.exitCode, 0);
  const report = pinged.all.at(-1)!;
  const { command, ok, sent, received, lost } = report;
  const expected = { command: 'ping', ok: true, sent: 250, received: 250, lost: 0 };
  assert.deepEqual({ command, ok, sent, received, lost }, expected);
  assert.ok(Number(report['longestGapMs']) > 0);
  const paths = report['paths'] as { plane: string; state: string }[];
  assert.deepEqual(paths.map(({ plane }) => plane).sort(), ['a', 'b']);

  const closed = once(serve, 'close');
  serve.kill('SIGTERM');
  await closed;
  assert.equal(serve.exitCode, 0);
  const reasons = served.all.filter(({ event }) => event === 'nodedown').map((e) => e['reason']);
  assert.deepEqual(reasons, ['left']);
  assert.equal(served.all.at(-1)?.['event'], 'closed');
});

test('serve reads its keys again on SIGHUP, and lives on', limit, async (context) => {
  const { lab, config } = await setup(context);
  const args = ['--config', config, '--json', '--name', 'one@host1'];
  const serve = cli(lab.host(1), 'serve', ...args);
  const lines = new Lines(serve);
  await lines.until('listening');
  const { keys: before } = lines.all[0] as { keys: string[] };
  assert.equal(before.length, 1);

  const keyFile = join(dirname(config), 'cluster.key');
  const text = readFileSync(keyFile, 'utf8');
  writeFileSync(keyFile, `${text}${Buffer.alloc(32, 9).toString('base64')}\n`);
  serve.kill('SIGHUP');
  await lines.until('keys');
  const { keys: both } = lines.all.at(-1) as { keys: string[] };
  assert.deepEqual([both.length, both[0]], [2, before[0]]);

  writeFileSync(keyFile, 'no key at all\n');
  serve.kill('SIGHUP');
  await lines.until('keysKept');
  const { keys: kept, error } = lines.all.at(-1) as { keys: string[]; error: { code: string } };
  assert.deepEqual(kept, both);
  assert.equal(error.code, 'ERR_KEY_FILE');

  const ended = once(serve, 'close');
  serve.kill('SIGTERM');
  await ended;
  assert.equal(serve.exitCode, 0);
});

test('a ping of nobody fails in time, with the code', limit, async (context) => {
  const { lab, config } = await setup(context);
  const args = ['--config', config, '--json', '--deadline-ms', '1000'];
  const ping = cli(lab.host(2), 'ping', 'one@host1', ...args);
  const lines = new Lines(ping);
  await once(ping, 'close');
  assert.equal(ping.exitCode, 1);
  const { command, ok, code } = lines.all.at(-1)!;
  assert.deepEqual({ command, ok, code }, { command: 'ping', ok: false, code: 'ERR_TIMEOUT' });
});
