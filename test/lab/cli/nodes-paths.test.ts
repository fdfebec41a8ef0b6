import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import type { LabHost } from '../../../src/lab/index.js';
import { cli, Lines, setup } from './support.js';

interface Shown {
  readonly plane: string;
  readonly state: string;
  readonly primary: boolean;
  readonly rtoMs: number;
}

/** Runs a command to its end; what it printed last, and its exit code. */
async function asked(host: LabHost, ...args: string[]) {
  const child = cli(host, ...args);
  const lines = new Lines(child);
  await once(child, 'close');
  return { code: child.exitCode, answer: lines.all.at(-1)! };
}

/** What is told of the other node while plane b is cut. */
function judgeNodes({ code, answer }: Awaited<ReturnType<typeof asked>>): void {
  assert.equal(code, 0);
  const {
    command,
    ok,
    self,
    nodes: links,
    alarms,
    traffic,
  } = answer as {
    command: string;
    ok: boolean;
    self: { name: string; engine: string };
    nodes: { name: string; redundant: boolean }[];
    alarms: { code: string; plane: string }[];
    traffic: { name: string; linked: boolean }[];
  };
  assert.deepEqual([command, ok, self.name, self.engine], ['nodes', true, 'one@host1', 'kernel']);
  assert.deepEqual(
    links.map(({ name, redundant }) => [name, redundant]),
    [['two@host2', false]],
  );
  assert.deepEqual(
    alarms.map((alarm) => [alarm.code, alarm.plane]),
    [['redundancy-lost', 'b']],
  );
  assert.deepEqual([traffic[0]?.name, traffic[0]?.linked], ['two@host2', true]);
}

/** Ends a command in an orderly way. */
async function stop(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
  assert.equal(child.exitCode, 0);
}

test('nodes and paths ask a daemon, which logs alarms', { timeout: 120_000 }, async (context) => {
  const { lab, config } = await setup(context);
  const args = ['--config', config, '--json'];
  const serve = cli(lab.host(1), 'serve', ...args, '--name', 'one@host1');
  const served = new Lines(serve);
  await served.until('listening');
  // No host has the other's socket: each of them has its own name and path.
  const path = join(dirname(config), 'two.sock');
  const two = cli(lab.host(2), 'serve', ...args, '--name', 'two@host2', '--control', path);
  const other = new Lines(two);
  await other.until('nodeup', { level: 'info', node: 'two@host2', peer: 'one@host1' });
  assert.equal(statSync(path).mode & 0o777, 0o660);

  const watch = cli(lab.host(1), 'paths', 'two', ...args, '--watch', '--interval-ms', '20');
  const watched = new Lines(watch);
  const states = ({ paths }: Record<string, unknown>) =>
    (paths as Shown[]).map(({ plane, state }) => `${plane} ${state}`).sort();
  await watched.when((line) => states(line).join() === 'a active,b active');

  lab.cut('link-down', 'b', 2);
  await served.until('alarm', { code: 'redundancy-lost', plane: 'b', object: 'two@host2' });
  await watched.when((line) => states(line).join() === 'a active,b inactive');
  await stop(watch);

  judgeNodes(await asked(lab.host(1), 'nodes', ...args));

  lab.heal();
  await served.until('alarmCleared', { code: 'redundancy-lost', plane: 'b' });
  // Each end finds by itself that the path is back: the other one's may be later than the alarm's.
  const back = cli(lab.host(2), 'paths', 'one', '--control', path, '--json', '--watch');
  const seen = new Lines(back);
  const both = await seen.when((line) => states(line).join() === 'a active,b active');
  const shown = both['paths'] as Shown[];
  assert.equal(shown.filter(({ primary }) => primary).length, 1);
  assert.ok(shown.every(({ rtoMs }) => rtoMs >= 50));
  await stop(back);
  const nobody = await asked(lab.host(2), 'paths', 'three', '--control', path, '--json');
  assert.deepEqual([nobody.code, nobody.answer['ok']], [1, false]);

  await stop(serve);
  assert.equal(served.all.at(-1)?.['event'], 'closed');
  await other.until('nodedown', { reason: 'left' });
  const gone = await asked(lab.host(1), 'nodes', ...args);
  assert.deepEqual([gone.code, gone.answer['code']], [1, 'ERR_CONTROL']);
  await stop(two);
});
