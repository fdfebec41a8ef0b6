/** The plain parts that dispatching rests on, each against one that is too simple to be wrong. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Due } from '../../../src/tasks/due.js';
import { Newest } from '../../../src/tasks/newest.js';
import { Remembered } from '../../../src/tasks/remembered.js';
import { isBefore, type Waiting, WaitingLine } from '../../../src/tasks/waiting-line.js';
import { SeededRandom } from '../../random.js';

const ROUNDS = 200;

test('a line gives the most urgent first, and of those the oldest', () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new SeededRandom(seed);
    const line = new WaitingLine<Waiting>(4);
    const plain: Waiting[] = [];
    for (let count = 0; count < 60; count++) {
      if (plain.length > 0 && random.chance(0.4)) {
        const [gone] = plain.splice(random.below(plain.length), 1) as [Waiting];
        assert.equal(line.remove(gone), true);
        assert.equal(line.remove(gone), false);
        // Some come again, as those do whose member was lost.
        if (random.chance(0.6)) continue;
        line.add(gone);
        plain.push(gone);
      } else {
        const item = { priority: random.below(4), order: count };
        line.add(item);
        plain.push(item);
      }
      plain.sort((a, b) => (isBefore(a, b) ? -1 : 1));
      assert.deepEqual([...line], plain, `seed ${seed}`);
      assert.equal(line.first, plain[0] ?? null, `seed ${seed}`);
      assert.equal(line.length, plain.length);
    }
  }
});

test('what is due comes by its time, and what was removed never', () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new SeededRandom(seed);
    const due = new Due<number>();
    const plain = new Map<number, number>();
    for (let item = 0; item < 80; item++) {
      const atMs = random.below(50);
      due.add(atMs, item);
      plain.set(item, atMs);
      if (random.chance(0.3)) {
        const gone = random.below(item + 1);
        due.remove(gone);
        plain.delete(gone);
      }
      const least = Math.min(...plain.values());
      assert.equal(due.atMs, plain.size === 0 ? null : least, `seed ${seed}`);
    }
    assert.equal(due.take(-1), null);
    let lastMs = 0;
    for (let item = due.take(50); item !== null; item = due.take(50)) {
      const atMs = plain.get(item) ?? Number.NaN;
      assert.ok(atMs >= lastMs, `seed ${seed}`);
      lastMs = atMs;
      plain.delete(item);
    }
    assert.equal(plain.size, 0, `seed ${seed}`);
  }
});

test('of more than it keeps, a queue has the newest', () => {
  const newest = new Newest<unknown>(2);
  for (const value of [1, undefined, 3]) newest.push(value);
  assert.deepEqual(
    [newest.shift(), newest.shift(), newest.shift()],
    [{ value: undefined }, { value: 3 }, undefined],
  );
});

test('results are remembered by number and by bytes, the newest ones, as they were', () => {
  const few = new Remembered({ taskResults: 2, taskResultBytes: 1000 });
  const list = [1];
  few.add('a', list);
  list.push(2);
  few.add('b', undefined);
  assert.deepEqual(few.find('a'), { result: [1] });
  assert.deepEqual(few.find('b'), { result: undefined });
  few.add('c', 3);
  assert.equal(few.find('a'), undefined);
  const small = new Remembered({ taskResults: 99, taskResultBytes: 100 });
  small.add('a', Buffer.alloc(60, 1));
  small.add('b', Buffer.alloc(60, 2));
  assert.equal(small.find('a'), undefined);
  assert.deepEqual(small.find('b'), { result: Buffer.alloc(60, 2) });
  small.add('c', Buffer.alloc(101));
  assert.equal(small.find('c'), undefined);
  assert.throws(() => small.add('d', () => {}), { code: 'ERR_ARGUMENT' });
});
