import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { Controllers } from './controllers.js';

const limit = { timeout: 240_000 };
const MODULE = fileURLToPath(new URL('fixtures/joined-program.js', import.meta.url));

interface Result {
  readonly body: unknown;
  readonly by: string;
  readonly links: readonly string[];
}

async function taskAt(all: Controllers, host: number, pool: string): Promise<Result> {
  const { result } = await all.done(host, 'task', 'run', pool, '{"a":1}');
  return result as Result;
}

test(
  'workers join, find each other, have live settings and end in order',
  limit,
  async (context) => {
    const all = await Controllers.make(context, 3);
    await all.boot();
    const description = { module: MODULE, ready: 'notify', beatMs: 20_000 };
    const wanted = {
      'cluster/node-defaults/word': 'dear',
      'hosts/host1/workers/one': description,
      'hosts/host3/workers/three': description,
      ...Object.fromEntries(
        [1, 2, 3].map((host) => [`hosts/host${host}/addresses`, all.addresses(host)]),
      ),
    };
    const file = join(all.folder, 'cluster.yaml');
    writeFileSync(file, JSON.stringify(wanted));
    await all.done(1, 'config', 'apply', file, '--yes');
    await all.until(2, ({ workers }) => {
      return workers.length === 2 && workers.every(({ text }) => text === 'word dear');
    });
    const { body, by } = await taskAt(all, 2, 'three');
    assert.deepEqual([body, by], [{ a: 1 }, 'three@host3']);
    // Where they were asked from is linked, too; all else is the worker's own controller.
    const whole = ['controller@host2', 'controller@host3', 'one@host1'];
    for (let links: readonly string[] = []; links.join() !== whole.join(); ) {
      ({ links } = await taskAt(all, 2, 'three'));
    }
    await all.done(1, 'config', 'put', 'hosts/host3/nodes/three/word', 'hello', '--yes');
    const before = await all.until(2, ({ workers }) => workers[1]?.text === 'word hello');
    await all.end(3, 'SIGKILL');
    await all.start(3);
    const after = await all.until(2, ({ hosts }) => hosts[2]?.status?.nodes.join() === 'three');
    assert.equal(
      after.workers[1]?.pid,
      before.workers[1]?.pid,
      'it has joined the next controller',
    );
    assert.equal((await taskAt(all, 3, 'one')).by, 'one@host1');
    await all.done(1, 'workers', 'stop', 'three');
    const { workers } = await all.until(2, (status) => status.workers[1]?.state === 'stopped');
    assert.equal(workers[1]?.ending, 'with code 0');
    assert.equal((await all.done(1, 'workers', 'logs', 'three'))['output'], 'runs\nends\n');
  },
);
