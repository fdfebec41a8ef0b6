import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { cli, Lines, limit, setup } from './support.js';

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
  const { keys: kept, err } = lines.all.at(-1) as { keys: string[]; err: { code: string } };
  assert.deepEqual(kept, both);
  assert.equal(err.code, 'ERR_KEY_FILE');

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
