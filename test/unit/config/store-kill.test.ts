import assert from 'node:assert/strict';
import test from 'node:test';
import { type Entry, makeEntry, ORIGIN } from '../../../src/config/entry.js';
import type { BaseItem } from '../../../src/config/store-contract.js';
import { checkTransaction, encodeOperations } from '../../../src/config/transaction.js';
import { SeededRandom } from '../../../src/testing/random.js';
import { judge } from '../../crash/masters-judge.js';
import { MastersSubject } from '../../crash/masters-subject.js';
import { memoryFileSystem } from '../../crash/real-disk.js';
import { runCycles } from '../../crash/run.js';
import { StoreSubject } from '../../crash/store-subject.js';
import { halfApplied, Writer } from '../../crash/store-writes.js';
import type { Subject } from '../../crash/subject.js';
import { base, DiskStore, item, reading, STORE_ID, temporary } from './disk-store.js';

test('a store whose process is killed has all that was acknowledged', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`seed ${seed}`);
  const { path, remove } = temporary();
  try {
    const random = new SeededRandom(seed);
    const subject = new StoreSubject(path, random.fork('subject'));
    const { violations, acknowledged } = await runCycles(subject, 12, random, () => {});
    assert.deepEqual(violations, []);
    assert.ok(acknowledged > 0);
  } finally {
    remove();
  }
});

test('so do masters that are killed, each and all of them', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`seed ${seed}`);
  const { path, remove } = temporary();
  const random = new SeededRandom(seed);
  const subject = new MastersSubject(path, 2, random.fork('subject'));
  try {
    const { violations, acknowledged } = await runCycles(subject, 5, random, () => {});
    assert.deepEqual(violations, []);
    assert.ok(acknowledged > 0);
  } finally {
    await subject.close();
    remove();
  }
});

test('however few kills there are, one comes after a recovery', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const subject: Subject = {
      earlyMs: 0,
      acknowledged: 1,
      prepare: async () => {},
      start: () => ({
        started: Promise.resolve(),
        recovered: Promise.resolve({ openMs: 1, recoveryMs: 2 }),
        afterWrites: async () => {},
        kill: async () => {},
      }),
      look: async () => ({ lost: 0, halfApplied: 0, findings: [] }),
      reset: async () => {},
      close: async () => {},
    };
    const { early, recoveryMsP50 } = await runCycles(subject, 1, new SeededRandom(seed), () => {});
    assert.deepEqual({ early, recoveryMsP50 }, { early: 0, recoveryMsP50: 2 });
  }
});

test('what is acknowledged and gone is found', async () => {
  const { path, remove } = temporary();
  try {
    const random = new SeededRandom(1);
    const subject = new StoreSubject(path, random.fork('subject'));
    const victim = subject.start();
    await victim.recovered;
    await victim.afterWrites(20);
    await victim.kill();
    assert.deepEqual(await subject.look(), { lost: 0, halfApplied: 0, findings: [] });
    // A store that has forgotten everything.
    remove();
    const { lost, findings } = await subject.look();
    assert.ok(lost > 0);
    assert.match(findings[0] ?? '', /^revision \d+ was acknowledged, last is 0$/);
  } finally {
    remove();
  }
});

/** What the judge says of a store that holds this. */
function judged(revision: number, items: BaseItem[], log: string[]): string[] {
  return halfApplied({
    format: 1,
    storeId: STORE_ID,
    base: base(revision),
    items,
    log: log.map((text) => Buffer.from(text)),
    committed: revision,
    setAside: [],
  });
}

test('half a batch is found', () => {
  const marks = (value: string) => ['a', 'b', 'c'].map((name) => item(`mark/${name}`, value));
  assert.deepEqual(judged(0, [], ['p:1:0:1:x', 'p:2:0:2:x', 'p:2:1:2:x']), []);
  assert.deepEqual(judged(7, marks('7'), ['p:2:1:2:x', 'q:1:0:1:']), []);
  assert.match(judged(0, [], ['p:1:0:2:x'])[0] ?? '', /the log ends before p:1:1:2/);
  assert.match(judged(0, [], ['p:1:0:2:', 'p:2:0:1:'])[0] ?? '', /p:2:0:1 in the place of p:1:1:2/);
  assert.match(judged(0, [], ['p:1:0:1:', 'p:2:1:2:'])[0] ?? '', /in the place of a batch/);
  assert.match(
    judged(7, [...marks('7').slice(1), item('mark/a', '6')], [])[0] ?? '',
    /mark\/a is 6/,
  );
  const snapshot = (count: number, tag: string) =>
    Array.from({ length: count }, (_, index) => item(`item/${index}`, tag));
  assert.deepEqual(judged(7, [...marks('7'), ...snapshot(3, '7/3')], []), []);
  assert.match(
    judged(7, [...marks('7'), ...snapshot(2, '7/3')], [])[0] ?? '',
    /2 items of snapshot/,
  );
  const two = [...snapshot(2, '7/3'), item('item/9', '6/3')];
  assert.match(judged(7, [...marks('7'), ...two], [])[0] ?? '', /items of 2 snapshots/);
});

test('a write that one master has not, or by half, is found', () => {
  const put = (key: string, value: number) => ({ put: key, value });
  const bodies = [
    [put('cluster/a', 1), put('cluster/b', 1)],
    [put('cluster/a', 2)],
    [put('cluster/b', 2)],
  ].map((write) => encodeOperations(checkTransaction({ write }).operations));
  const log: Entry[] = [];
  for (const [index, body] of bodies.entries()) {
    const requestId = `${index + 1}`.repeat(32);
    const before = log.at(-1) ?? ORIGIN;
    log.push(makeEntry(before, { kind: 'transaction', epoch: 1, requestId, body }));
  }
  const judged = (committed: number, revision: number, requestId: string) => {
    const contents = { format: 1, storeId: STORE_ID, items: [], setAside: [], committed };
    const place = { base: { ...ORIGIN, record: null }, log: log.map(({ bytes }) => bytes) };
    const pairs = [['cluster/a', 'cluster/b']];
    const { missing, half } = judge({ ...contents, ...place }, [{ revision, requestId }], pairs);
    return [...missing.map(({ what }) => what), ...half];
  };
  assert.deepEqual(judged(1, 3, '3'.repeat(32)), []);
  assert.deepEqual(judged(3, 2, '2'.repeat(32)), []);
  assert.deepEqual(judged(2, 2, '2'.repeat(32)), ['cluster/a and cluster/b differ']);
  assert.match(judged(3, 2, '3'.repeat(32))[0] ?? '', /as revision 2, and has revision 3/);
  assert.match(judged(3, 4, '4'.repeat(32))[0] ?? '', /as revision 4, and is not there/);
});

test('what is written under kills is more than entries', async () => {
  const { path, remove } = temporary();
  try {
    const store = await DiskStore.open(path);
    const writer = new Writer(store.contents, new SeededRandom(3));
    const types = new Set<string>();
    for (let batch = 0; batch < 300; batch++) {
      const { operations } = writer.next();
      for (const { type } of operations) types.add(type);
      assert.equal(await store.persist(...operations), 'persisted');
    }
    await store.close();
    assert.deepEqual([...types].sort(), ['append', 'committed', 'compact', 'install']);
    assert.ok((await reading(path)).revision > 0);
  } finally {
    remove();
  }
});

test('memory is no disk', () => {
  assert.equal(memoryFileSystem('/dev/shm'), 'tmpfs');
  assert.equal(memoryFileSystem('/proc'), null);
});
