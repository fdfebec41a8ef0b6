import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Operation } from '../../../src/config/transaction.js';
import { Tree } from '../../../src/config/tree.js';
import { type Watch, WatchHub, type WatchOutput } from '../../../src/config/watch.js';
import { ConfigError, type ErrorCode } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { anyOperations, anyPrefix, put, remove, removePrefix, treeOf } from './trees.js';

const SEED = 17;
const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof ConfigError && error.code === expected;

/** A tree with its hub: each list is a revision, published at once. */
class World {
  tree: Tree;
  readonly hub: WatchHub;

  constructor(tree: Tree = treeOf()) {
    this.tree = tree;
    this.hub = new WatchHub(tree);
  }

  commit(...operations: readonly Operation[]): void {
    this.tree.apply(this.tree.revision + 1, operations);
    this.hub.publish(this.tree.revision);
  }

  /** Goes on with what a snapshot of `from` makes. */
  catchUp(from: Tree, isSameLineage: boolean): void {
    this.tree = copyOf(from);
    this.hub.replace(this.tree, this.tree.revision, isSameLineage);
  }
}

function copyOf(tree: Tree): Tree {
  const copy = new Tree(tree.revision);
  for (const item of tree.range('')) copy.load(item);
  return copy;
}

function drain(watch: Watch): WatchOutput[] {
  const outputs: WatchOutput[] = [];
  for (let one = watch.poll(); one !== null; one = watch.poll()) outputs.push(one);
  return outputs;
}

/** Outputs in short: `2 a=3 b=-`. */
function tell(outputs: readonly WatchOutput[]): string[] {
  return outputs.map((one) => {
    if (one.type === 'compacted') return `compacted ${one.revision}`;
    const all: readonly { key: string; value: Buffer | null }[] =
      one.type === 'changes' ? one.changes : one.items;
    const parts = all.map(({ key, value }) => `${key.slice(8)}=${value?.toString('hex') ?? '-'}`);
    const head = one.type === 'snapshot' ? `snapshot ${one.revision}` : String(one.revision);
    return [head, ...parts].join(' ');
  });
}

const a = 'cluster/a';
const b = 'cluster/b';

test('a watch begins with a snapshot, and goes on after it', () => {
  const world = new World(treeOf([put(a, 1)], [put(b, 2)]));
  const watch = world.hub.watch('cluster');
  world.commit(put(a, 3));
  assert.deepEqual(tell(drain(watch)), ['snapshot 2 a=01 b=02', '3 a=03']);
  assert.equal(watch.revision, 3);
});

test('a watch after a revision tells what follows, a revision together', () => {
  const world = new World(treeOf([put(a, 1), put(b, 1)], [], [put('hosts/h/a', 1)]));
  const watch = world.hub.watch('cluster', { after: 0 });
  world.commit(remove(a), put(b, 2), put('hosts/h/a', 2));
  assert.equal(watch.revision, 0);
  assert.deepEqual(tell(drain(watch)), ['1 a=01 b=01', '4 a=- b=02']);
  world.commit(put('hosts/h/a', 3));
  assert.equal(watch.poll(), null);
  assert.equal(watch.revision, 5);
});

test('nothing is told before it is published', () => {
  const tree = treeOf([put(a, 1)]);
  const hub = new WatchHub(tree, 0);
  const watch = hub.watch('', { after: 0 });
  tree.apply(2, [put(a, 2)]);
  assert.equal(watch.poll(), null);
  hub.publish(1);
  assert.deepEqual(tell(drain(watch)), ['1 a=01']);
  assert.deepEqual(tell(drain(hub.watch(''))), ['snapshot 1 a=01']);
  hub.publish(2);
  hub.publish(1);
  assert.deepEqual(tell(drain(watch)), ['2 a=02']);
});

test('a slow watch is told compacted, and then all there is; the others nothing of it', () => {
  const world = new World();
  const slow = world.hub.watch('cluster', { after: 0 });
  const quick = world.hub.watch('cluster', { after: 0 });
  const told: WatchOutput[] = [];
  for (let i = 1; i <= 9; i++) {
    world.commit(put(a, i));
    told.push(...drain(quick));
    world.tree.compact(Math.max(0, i - 2));
  }
  assert.deepEqual(
    tell(told),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((i) => `${i} a=0${i}`),
  );
  assert.deepEqual(tell(drain(slow)), ['compacted 7', 'snapshot 9 a=09']);
  world.commit(put(a, 10));
  assert.deepEqual(tell(drain(slow)), ['10 a=0a']);
});

test('a slow watch whose next event is kept is told that one, not compacted', () => {
  const world = new World();
  const watch = world.hub.watch(a, { after: 0 });
  for (let i = 1; i <= 5; i++) world.commit(put(b, i));
  world.commit(put(a, 1));
  world.tree.compact(5);
  assert.deepEqual(tell(drain(watch)), ['6 a=01']);
  world.commit(put(b, 9));
  world.tree.compact(7);
  // It was told all there is below its prefix: nothing that was forgotten concerns it.
  assert.equal(watch.poll(), null);
});

test('compaction of the revision that deletes takes no event from who may begin there', () => {
  const world = new World(treeOf([put(a, 1)], [remove(a)], [put(b, 1)]));
  world.tree.compact(1);
  assert.deepEqual(tell(drain(world.hub.watch('', { after: 1 }))), ['2 a=-', '3 b=01']);
  world.tree.compact(2);
  assert.deepEqual(tell(drain(world.hub.watch('', { after: 1 }))), [
    'compacted 2',
    'snapshot 3 b=01',
  ]);
  assert.deepEqual(tell(drain(world.hub.watch('', { after: 2 }))), ['3 b=01']);
});

test('a watch after a revision to come waits for it', () => {
  const world = new World(treeOf([put(a, 1)]));
  const watch = world.hub.watch('', { after: 3 });
  world.commit(put(a, 2));
  world.commit(put(a, 3));
  assert.equal(watch.poll(), null);
  assert.equal(watch.revision, 3);
  world.commit(put(a, 4));
  assert.deepEqual(tell(drain(watch)), ['4 a=04']);
});

test('a snapshot comes in pieces, all of one revision, and begins again when that is lost', () => {
  const count = limits.configWatchItems * 2;
  const many = Array.from({ length: count }, (_, i) => put(`cluster/a/${i}`, 1));
  const world = new World(treeOf(many));
  const watch = world.hub.watch('cluster/a');
  const first = watch.poll();
  assert.ok(first?.type === 'snapshot' && !first.isLast);
  assert.equal(first.items.length, limits.configWatchItems);
  world.commit(removePrefix('cluster/a'), put('cluster/a/new', 2));
  const rest = drain(watch);
  assert.deepEqual(
    rest.map((one) => `${one.type} ${one.revision}`),
    ['snapshot 1', 'snapshot 1', 'changes 2'],
  );
  const other = world.hub.watch('', {});
  world.commit(put('cluster/a/new', 3));
  world.tree.compact(3);
  assert.deepEqual(tell(drain(other)), ['compacted 3', 'snapshot 3 a/new=03']);
});

test('a snapshot in place of the tree: who is there stays, who is behind begins again', () => {
  const world = new World(treeOf([put(a, 1)]));
  const other = new World(treeOf([put(a, 1)], [put(a, 2)], [put(a, 3)]));
  const isThere = world.hub.watch('', { after: 3 });
  const isBeyond = world.hub.watch('', { after: 4 });
  const isBehind = world.hub.watch('', { after: 1 });
  const hasMore = world.hub.watch('', { after: 0 });
  const isListing = world.hub.watch('');
  world.catchUp(other.tree, true);
  assert.equal(isThere.poll(), null);
  for (const watch of [isBehind, hasMore, isListing]) {
    assert.deepEqual(tell(drain(watch)), ['compacted 3', 'snapshot 3 a=03']);
  }
  world.commit(put(a, 4));
  world.commit(put(a, 5));
  assert.deepEqual(tell(drain(isThere)), ['4 a=04', '5 a=05']);
  assert.deepEqual(tell(drain(isBeyond)), ['5 a=05']);
});

test('a snapshot that says the same keeps those that wait; another lineage keeps nobody', () => {
  const world = new World(treeOf([put(a, 1)]));
  const watch = world.hub.watch('', { after: 1 });
  world.catchUp(world.tree, true);
  assert.equal(watch.poll(), null);
  world.catchUp(treeOf([put(a, 7)]), false);
  assert.deepEqual(tell(drain(watch)), ['compacted 1', 'snapshot 1 a=07']);
});

test('a snapshot of before takes nobody back', () => {
  const world = new World(treeOf([put(a, 1)]));
  const before = copyOf(world.tree);
  const watch = world.hub.watch('', { after: 1 });
  const other = world.hub.watch('cluster', { after: 1 });
  world.commit(put('hosts/h/a', 2));
  drain(watch);
  world.catchUp(before, true);
  assert.deepEqual([watch.revision, other.revision], [2, 2]);
  world.commit(put('hosts/h/a', 2));
  assert.equal(watch.poll(), null);
  world.commit(put(a, 3));
  assert.deepEqual(tell(drain(watch)), ['3 a=03']);
});

test('revisions of another lineage are not those of before', () => {
  const world = new World();
  const watch = world.hub.watch('', { after: 0 });
  world.commit(put(a, 1));
  world.commit(put(a, 2));
  drain(watch);
  world.catchUp(treeOf([put(b, 1)]), false);
  drain(watch);
  world.commit(put(b, 2));
  assert.deepEqual(tell(drain(watch)), ['2 b=02']);
});

test('a watch that compaction has just reached begins again', () => {
  const world = new World();
  const slow = world.hub.watch('', { after: 0 });
  const quick = world.hub.watch('', { after: 0 });
  world.commit(put(a, 1));
  world.commit(put(a, 2));
  drain(quick);
  world.tree.compact(1);
  assert.deepEqual(tell(drain(slow)), ['compacted 1', 'snapshot 2 a=02']);
});

test('onReady tells once, when there is something after there was nothing', () => {
  const world = new World();
  let count = 0;
  const onReady = () => {
    count++;
  };
  const watch = world.hub.watch('cluster', { after: 0, onReady });
  world.commit(put('hosts/h/a', 1));
  assert.equal(count, 0);
  world.commit(put(a, 1), put(b, 1));
  world.commit(put(a, 2));
  assert.equal(count, 1);
  watch.poll();
  world.commit(put(a, 3));
  assert.equal(count, 1);
  drain(watch);
  world.catchUp(treeOf([], [], [], [put(a, 9)], []), true);
  assert.equal(count, 2);
  drain(watch);
  watch.close();
  world.commit(put(a, 4));
  assert.equal(count, 2);
});

test('a reader may ask from within onReady', () => {
  const world = new World();
  const outputs: WatchOutput[] = [];
  const watch: Watch = world.hub.watch('', {
    after: 0,
    onReady: () => outputs.push(...drain(watch)),
  });
  world.commit(put(a, 1));
  world.commit(put(a, 2));
  assert.deepEqual(tell(outputs), ['1 a=01', '2 a=02']);
});

test('iteration tells the same, and ends with the watch', async () => {
  const world = new World(treeOf([put(a, 1)]));
  const watch = world.hub.watch('cluster');
  const seen: WatchOutput[] = [];
  const reading = (async () => {
    for await (const output of watch) {
      seen.push(output);
      if (seen.length === 2) world.commit(put(b, 1));
      else if (seen.length === 3) watch.close();
      else queueMicrotask(() => world.commit(put(a, 2)));
    }
  })();
  await reading;
  assert.deepEqual(tell(seen), ['snapshot 1 a=01', '2 a=02', '3 b=01']);
  assert.equal(world.hub.size, 0);
});

test('who leaves the loop closes the watch, and close ends a loop that waits', async () => {
  const { hub } = new World(treeOf([put(a, 1)]));
  for await (const output of hub.watch('')) {
    assert.equal(output.type, 'snapshot');
    break;
  }
  assert.equal(hub.size, 0);
  const watch = hub.watch('', { after: 1 });
  const next = watch[Symbol.asyncIterator]().next();
  watch.close();
  watch.close();
  assert.deepEqual(await next, { done: true, value: undefined });
  assert.equal(watch.poll(), null);
  assert.equal(hub.size, 0);
});

test('bad prefixes and revisions, and more watches than may be', () => {
  const { hub } = new World();
  assert.throws(() => hub.watch('cluster/'), code('ERR_ARGUMENT'));
  for (const after of [-1, 1.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => hub.watch('', { after }), code('ERR_ARGUMENT'));
  }
  const watches = Array.from({ length: limits.configWatches }, () => hub.watch(''));
  assert.throws(() => hub.watch(''), code('ERR_LIMIT'));
  watches[0]?.close();
  hub.watch('');
});

/** What a reader makes of outputs; complains of gaps and repeats. */
class Reader {
  readonly watch: Watch;
  state: Map<string, string>;
  revision: number;
  #isWhole: boolean;

  constructor(watch: Watch, state: ReadonlyMap<string, string> | null) {
    this.watch = watch;
    this.revision = watch.revision;
    this.state = new Map(state);
    this.#isWhole = state !== null;
  }

  read(): void {
    const output = this.watch.poll();
    if (output === null) return;
    if (output.type === 'changes') {
      assert.ok(this.#isWhole, 'changes before a snapshot');
      assert.ok(output.revision > this.revision, 'a revision again');
      assert.ok(output.changes.length > 0, 'nothing to tell');
      for (const { key, value, modRevision } of output.changes) {
        assert.equal(modRevision, output.revision);
        if (value === null) assert.ok(this.state.delete(key), 'a deletion of nothing');
        else this.state.set(key, value.toString('hex'));
      }
      this.revision = output.revision;
    } else if (output.type === 'compacted') {
      this.state = new Map();
      this.#isWhole = false;
    } else {
      assert.ok(!this.#isWhole, 'a snapshot unasked for');
      for (const { key, value } of output.items) this.state.set(key, value.toString('hex'));
      this.#isWhole = output.isLast;
      this.revision = output.revision;
    }
  }

  /** What it holds must be what the revision held that it says it is at. */
  check(tree: Tree): void {
    const { revision, prefix } = this.watch;
    if (!this.#isWhole || revision < tree.compacted || revision > tree.revision) return;
    assert.deepEqual([...this.state].sort(), [...stateOf(tree, prefix, revision)].sort());
  }
}

function stateOf(tree: Tree, prefix: string, revision: number): Map<string, string> {
  const items = tree.range(prefix, { revision });
  return new Map(items.map(({ key, value }) => [key, value.toString('hex')]));
}

type Step =
  | { readonly type: 'commit'; readonly operations: readonly Operation[] }
  | { readonly type: 'publish' | 'compact' | 'read' | 'begin' | 'replace'; readonly part: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: anyOperations.map((operations) => ({ type: 'commit' as const, operations })),
  },
  {
    weight: 12,
    arbitrary: fc.record(
      {
        type: fc.constantFrom(
          ...([
            'publish',
            'publish',
            'read',
            'read',
            'read',
            'compact',
            'begin',
            'replace',
          ] as const),
        ),
        part: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      },
      { noNullPrototype: true },
    ),
  },
);

test('no gap and no repeat, however slow, compacted or replaced (seed 17)', () => {
  const property = fc.property(fc.array(anyStep, { maxLength: 60 }), anyPrefix, (steps, prefix) => {
    let tree = new Tree();
    const hub = new WatchHub(tree);
    const readers = [new Reader(hub.watch(prefix), null), new Reader(hub.watch(''), null)];
    for (const step of steps) {
      const pick = step.type === 'commit' ? 0 : step.part;
      const between = (low: number, high: number) => low + Math.floor(pick * (high - low + 1));
      if (step.type === 'commit') tree.apply(tree.revision + 1, step.operations);
      else if (step.type === 'publish') hub.publish(between(hub.revision, tree.revision));
      else if (step.type === 'compact') tree.compact(between(tree.compacted, hub.revision));
      else if (step.type === 'read') readers[Math.floor(pick * readers.length)]?.read();
      else if (step.type === 'replace') {
        tree = copyOf(tree);
        hub.replace(tree, tree.revision, true);
      } else {
        const after = between(tree.compacted, hub.revision);
        readers.push(new Reader(hub.watch(prefix, { after }), stateOf(tree, prefix, after)));
      }
      for (const reader of readers) reader.check(tree);
    }
    hub.publish(tree.revision);
    for (const reader of readers) {
      for (let i = 0; i < 200; i++) reader.read();
      assert.equal(reader.watch.poll(), null);
      assert.equal(reader.watch.revision, tree.revision);
      reader.check(tree);
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 1000 });
});

test('1,000 watches cost a revision little more than one does', () => {
  const world = new World();
  let told = 0;
  for (let i = 0; i < 1000; i++) {
    const prefix = i < 500 ? 'cluster' : `hosts/h${i}`;
    const watch: Watch = world.hub.watch(prefix, {
      after: 0,
      onReady: () => {
        told += drain(watch).length;
      },
    });
  }
  const idle = world.hub.watch('', { after: 0 });
  const startNs = process.hrtime.bigint();
  for (let i = 0; i < 1000; i++) world.commit(put(`hosts/h${500 + (i % 500)}/a`, i));
  const oneUs = Number(process.hrtime.bigint() - startNs) / 1e6;
  assert.equal(told, 1000);
  const thenNs = process.hrtime.bigint();
  for (let i = 0; i < 1000; i++) world.commit(put('cluster/a', i));
  const manyUs = Number(process.hrtime.bigint() - thenNs) / 1e6;
  assert.equal(told, 1000 + 500 * 1000);
  console.log(`a revision: ${oneUs.toFixed(1)} us for 1 of 1,000, ${manyUs.toFixed(1)} us for 500`);
  assert.ok(oneUs < 1000 && manyUs < 20_000);
  assert.equal(drain(idle).length, 2000);
});
