import assert from 'node:assert/strict';
import test from 'node:test';
import type { ConfigWatchEvent } from '../../../src/config/config-watch.js';
import { limits } from '../../../src/limits.js';
import { ConfigCluster } from './config-nodes.js';

const ALL = ['one@h1', 'two@h2', 'three@h3'];

/** An event in a few words. */
function words(event: ConfigWatchEvent): string {
  switch (event.type) {
    case 'compacted':
      return 'compacted';
    case 'snapshot':
      return `snapshot ${event.items.map(({ key, value }) => `${key}=${value}`).join(' ')}`;
    case 'changes':
      return event.changes
        .map((change) => `${change.key}=${change.type === 'put' ? change.value : 'gone'}`)
        .join(' ');
  }
}

test('a watch tells what there is, then each change, at slaves and masters', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, , three] = await cluster.boot(ALL);
  await cluster.until(one!.config.put('cluster/a/1', 1));
  const told: string[][] = [];
  for (const { config } of [one!, three!]) {
    const lines: string[] = [];
    told.push(lines);
    await cluster.when(() => config.view?.get('cluster/a/1') != null);
    const onEvent = (event: ConfigWatchEvent) => lines.push(words(event));
    config.watch('cluster/a', { onEvent });
    assert.deepEqual(lines, [], 'nothing is told before the caller has the watch');
  }
  await cluster.until(three!.config.put('cluster/b', 0));
  await cluster.until(three!.config.put('cluster/a/2', 2));
  await cluster.until(three!.config.delete('cluster/a/1'));
  await cluster.network.advance(100);
  const expected = ['snapshot cluster/a/1=1', 'cluster/a/2=2', 'cluster/a/1=gone'];
  assert.deepEqual(told, [expected, expected]);
});

test('a watch goes on at another node, also before there is anything to read', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, , three] = await cluster.boot(ALL);
  const first = three!.config.watch('cluster');
  const lines: string[] = [];
  const reads = (async () => {
    for await (const event of first) {
      lines.push(words(event));
      if (lines.length === 2) break;
    }
  })();
  await cluster.until(one!.config.put('cluster/a', 1));
  await cluster.until(reads);
  const { place } = first;
  await cluster.until(one!.config.put('cluster/a', 2));
  const four = await cluster.start('four@h4');
  const second = four.config.watch('cluster', { after: place! });
  assert.equal(second.place, null);
  const next = await cluster.until(second[Symbol.asyncIterator]().next());
  lines.push(words(next.value!));
  assert.deepEqual(lines, ['snapshot ', 'cluster/a=1', 'cluster/a=2']);
  const third = one!.config.watch('cluster', { after: place! });
  const change = await cluster.until(third[Symbol.asyncIterator]().next());
  assert.equal(words(change.value!), 'cluster/a=2');
});

test('a place of a lineage that was left does not count', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two] = await cluster.boot(ALL);
  const { revision } = await cluster.until(one!.config.put('cluster/a', 1));
  const { lineage } = one!.config.view!;
  cluster.kill('one@h1');
  await cluster.when(() => two!.config.status.missing.includes('one@h1'));
  await cluster.until(two!.config.masters.force());
  await cluster.until(two!.config.put('cluster/a', 2));
  const firstOf = async (after: { lineage: string; revision: number }) => {
    const watch = two!.config.watch('cluster', { after });
    const { value } = await cluster.until(watch[Symbol.asyncIterator]().next());
    watch.close();
    return words(value!);
  };
  assert.equal(await firstOf({ lineage, revision }), 'cluster/a=2');
  assert.equal(await firstOf({ lineage, revision: revision + 1 }), 'compacted');
  assert.equal(await firstOf({ lineage: 'f'.repeat(32), revision: 1 }), 'compacted');
});

test('what a listener of a watch throws is its own, and the watch goes on', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one] = await cluster.boot(ALL);
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  context.after(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  const lines: string[] = [];
  one!.config.watch('cluster', {
    onEvent: (event) => {
      lines.push(words(event));
      throw new Error('of the program');
    },
  });
  await cluster.until(one!.config.put('cluster/a', 1));
  await cluster.network.advance(10);
  assert.deepEqual(lines, ['snapshot ', 'cluster/a=1']);
  assert.equal(thrown.length, 2);
});

test('there are so many watches and no more', async (context) => {
  const cluster = new ConfigCluster(context);
  const { config } = await cluster.start('one@h1');
  const watches = Array.from({ length: limits.configWatches }, () => config.watch('cluster'));
  assert.throws(() => config.watch('cluster'), { code: 'ERR_LIMIT' });
  watches[0]?.close();
  config.watch('cluster');
});
