import assert from 'node:assert/strict';
import test from 'node:test';
import { Dispatch, LIMITS } from './dispatch.js';

test('a task waits for a member, is given to it, and settles with its answer', () => {
  const it = new Dispatch();
  assert.deepEqual(it.submit(), []);
  assert.deepEqual(it.member('a'), ['1 to a']);
  assert.deepEqual(it.answer(1), ['1: r1']);
  assert.equal(it.machine.size, 0);
  assert.equal(it.machine.deadline(), null);
});

test('a member has no more at once than it takes, in the order in which they came', () => {
  const it = new Dispatch();
  it.member('a', 2, 1);
  assert.deepEqual([it.submit(), it.submit(), it.submit()].flat(), ['1 to a', '2 to a', '3 to a']);
  assert.deepEqual([it.submit(), it.submit()].flat(), []);
  assert.deepEqual(it.answer(2), ['2: r2', '4 to a']);
  assert.deepEqual(it.answer(1), ['1: r1', '5 to a']);
});

test('the most urgent of those that wait goes first', () => {
  const it = new Dispatch();
  for (const priority of [0, 5, 9, 5]) it.submit({ priority });
  assert.deepEqual(it.member('a'), ['3 to a']);
  assert.deepEqual(it.answer(3), ['3: r3', '2 to a']);
  assert.deepEqual(it.answer(2), ['2: r2', '4 to a']);
  assert.deepEqual(it.answer(4), ['4: r4', '1 to a']);
});

test('the lightest member gets the next: by what it can do, with what others give it', () => {
  const it = new Dispatch();
  it.member('small', 2);
  it.member('large', 6);
  it.member('busy', 6, 0, 5);
  for (let count = 0; count < 4; count++) it.submit();
  // The first of equal ones, then whichever is filled the least.
  const first = [1, 2, 3, 4].map((id) => it.at(id));
  assert.deepEqual(first, ['small', 'large', 'large', 'large']);
  assert.deepEqual(it.answer(2, 9), ['2: r2']);
  // Large has nine of others now: 11 of 6, small 1 of 2, busy 5 of 6.
  assert.deepEqual(it.submit(), ['5 to small']);
  assert.deepEqual(it.submit(), ['6 to busy']);
});

test('of equally light members each has its turn', () => {
  const it = new Dispatch();
  for (const name of ['a', 'b', 'c']) it.member(name, 5);
  const turns: (string | undefined)[] = [];
  for (let id = 1; id <= 6; id++) {
    it.submit();
    turns.push(it.at(id));
    it.answer(id);
  }
  assert.deepEqual(turns, ['a', 'b', 'c', 'a', 'b', 'c']);
});

test('tasks of one key go to one member, also when it is busy and others are not', () => {
  const it = new Dispatch();
  for (const name of ['a', 'b', 'c']) it.member(name);
  it.submit({ key: 'k' });
  const home = it.at(1) as string;
  assert.deepEqual(it.submit({ key: 'k' }), []);
  assert.notEqual(it.submit().length, 0);
  assert.deepEqual(it.answer(1), ['1: r1', `2 to ${home}`]);
});

test('when a member goes or comes, only the keys it had or gets move', () => {
  const it = new Dispatch();
  for (const name of ['a', 'b', 'c']) it.member(name, 50);
  const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
  const homes = () => {
    const before = it.machine.view(0).length;
    return keys.map((key, index) => {
      it.submit({ key });
      const id = before + lastId + index + 1;
      return it.at(id);
    });
  };
  let lastId = 0;
  const first = homes();
  for (let id = 1; id <= 30; id++) it.answer(id);
  lastId = 30;
  assert.deepEqual(new Set(first), new Set(['a', 'b', 'c']));
  it.gone('b');
  const second = homes();
  for (let id = 31; id <= 60; id++) it.answer(id);
  lastId = 60;
  for (const [index, home] of first.entries()) {
    if (home !== 'b') assert.equal(second[index], home);
    else assert.notEqual(second[index], 'b');
  }
  it.member('b', 50);
  assert.deepEqual(homes(), first);
});

test('keys that wait move with the members', () => {
  const it = new Dispatch();
  it.submit({ key: 'k' });
  it.submit({ key: 'k' });
  assert.deepEqual(it.member('a'), ['1 to a']);
  assert.deepEqual(it.gone('a'), []);
  assert.deepEqual(it.member('b'), ['2 to b']);
  assert.deepEqual(it.answer(1), ['1: r1']);
});

test('a member that is full is given none until it says that it has room', () => {
  const it = new Dispatch();
  it.member('a', 3);
  it.submit();
  assert.deepEqual(it.refuse(1), []);
  assert.deepEqual(it.submit(), []);
  assert.deepEqual(it.pass(10_000), []);
  assert.deepEqual(it.room('a'), ['1 to a', '2 to a']);
});

test('a refusal goes to another member at once, and old news are no news', () => {
  const it = new Dispatch();
  it.member('a');
  it.submit();
  it.member('b');
  assert.deepEqual(it.refuse(1), ['1 to b']);
  // What a said before is older than that it has room.
  it.room('a');
  assert.deepEqual(it.submit(), ['2 to a']);
  const load = { ended: 0, others: 7 };
  const old = { type: 'refused', id: 2, attempt: 1, isFull: true, load } as const;
  assert.deepEqual(it.step(old), ['2 to a']);
});

test('an answer of a member that was full says that it is not', () => {
  const it = new Dispatch();
  it.member('a', 2);
  it.submit();
  it.submit();
  assert.deepEqual(it.refuse(2), []);
  assert.deepEqual(it.answer(1), ['1: r1', '2 to a']);
});

test('a member that takes none is left alone for a while', () => {
  const it = new Dispatch();
  it.member('a');
  it.submit();
  assert.deepEqual(it.refuse(1, false), []);
  assert.deepEqual(it.pass(LIMITS.taskRetryMs - 1), []);
  assert.deepEqual(it.pass(1), ['1 to a']);
  assert.deepEqual(it.lose(1, false), []);
  assert.deepEqual(it.member('a'), ['1 to a']);
  assert.equal(it.machine.deadline(), null);
});

test('a stalled member is given none until it answers, and what it has stays there', () => {
  const it = new Dispatch();
  it.member('a', 2);
  it.submit();
  it.step({ type: 'stalled', name: 'a' });
  assert.deepEqual(it.submit(), []);
  assert.deepEqual(it.step({ type: 'resumed', name: 'a' }), ['2 to a']);
  it.step({ type: 'stalled', name: 'a' });
  it.step({ type: 'down', name: 'a' });
  assert.deepEqual(it.lose(1), []);
  assert.deepEqual(it.member('a', 2), ['1 to a']);
});

test('what is lost with its member is begun anew elsewhere, before all that came later', () => {
  const it = new Dispatch();
  it.member('a', 2);
  for (let count = 0; count < 4; count++) it.submit();
  it.step({ type: 'down', name: 'a' });
  it.lose(2);
  it.lose(1);
  assert.deepEqual(it.member('b', 3), ['1 to b', '2 to b', '3 to b']);
});

test('what may not run twice is reported unless it is proven that it was not begun', () => {
  const it = new Dispatch();
  it.member('a', 3);
  for (let count = 0; count < 3; count++) it.submit({ delivery: 'at-most-once' });
  it.step({ type: 'down', name: 'a' });
  assert.deepEqual(it.lose(1), ['1 ERR_OUTCOME_UNKNOWN ran perhaps']);
  assert.deepEqual(it.lose(2, false), []);
  assert.deepEqual(it.refuse(3, false), []);
  assert.deepEqual(it.member('b', 3), ['2 to b', '3 to b']);
});

test('what has lost its member too often is reported', () => {
  const it = new Dispatch();
  it.submit();
  for (let count = 1; count < LIMITS.taskAttempts; count++) {
    assert.deepEqual(it.member('a'), ['1 to a']);
    it.gone('a');
    assert.deepEqual(it.lose(1), []);
  }
  // What was not begun does not count.
  it.member('a');
  assert.deepEqual(it.lose(1, false), []);
  it.member('a');
  assert.deepEqual(it.lose(1), ['1 ERR_OUTCOME_UNKNOWN ran perhaps']);
});

test('a deadline ends a task wherever it is', () => {
  const it = new Dispatch();
  it.submit({ deadlineMs: 100 });
  assert.deepEqual(it.pass(100), ['1 ERR_TIMEOUT ran no']);
  it.member('a');
  it.submit({ deadlineMs: 200 });
  it.submit({ deadlineMs: 100 });
  assert.deepEqual(it.pass(150), ['3 ERR_TIMEOUT ran no']);
  assert.deepEqual(it.pass(50), ['abort 2', '2 ERR_TIMEOUT ran perhaps']);
  assert.deepEqual(it.answer(2), []);
  it.submit({ deadlineMs: 100 });
  it.answer(4);
  assert.equal(it.machine.deadline(), null);
});

test('a cancelled task waits no longer, or is aborted where it runs, and makes room', () => {
  const it = new Dispatch();
  it.member('a');
  for (let count = 0; count < 3; count++) it.submit();
  assert.deepEqual(it.step({ type: 'cancel', id: 2 }), ['2 ERR_CANCELLED ran no']);
  const words = ['abort 1', '1 ERR_CANCELLED ran perhaps', '3 to a'];
  assert.deepEqual(it.step({ type: 'cancel', id: 1 }), words);
  assert.deepEqual(it.step({ type: 'cancel', id: 1 }), []);
  // The handler runs on: the member refuses, and says when it has ended.
  assert.deepEqual(it.refuse(3), []);
  assert.deepEqual(it.room('a'), ['3 to a']);
});

test('a task that was lost once may have run, also when it waits again', () => {
  const it = new Dispatch();
  it.member('a');
  it.submit();
  it.gone('a');
  it.lose(1);
  assert.deepEqual(it.step({ type: 'cancel', id: 1 }), ['1 ERR_CANCELLED ran perhaps']);
});

test('a body that cannot be sent ends its task, and nothing else', () => {
  const it = new Dispatch();
  it.member('a');
  it.submit();
  it.submit();
  const unfit = { type: 'unfit', id: 1, attempt: 1, error: new Error('x') } as const;
  assert.deepEqual(it.step(unfit), ['1 unfit', '2 to a']);
});

test('what is told of an attempt that is over is ignored', () => {
  const it = new Dispatch();
  it.member('a');
  it.submit();
  it.gone('a');
  it.lose(1);
  it.member('b');
  const load = { ended: 5, others: 0 };
  const late = { type: 'answered', id: 1, attempt: 1, answer: 'late', load } as const;
  assert.deepEqual(it.step(late), []);
  assert.deepEqual(it.answer(1), ['1: r1']);
  assert.deepEqual(it.answer(1), []);
});

test('a member that leaves keeps what it has, and is given none', () => {
  const it = new Dispatch();
  it.member('a', 2);
  it.submit();
  it.gone('a');
  assert.deepEqual(it.submit(), []);
  assert.deepEqual(it.answer(1), ['1: r1']);
  assert.deepEqual(it.member('a', 2), ['2 to a']);
});

test('one that comes again while it has some is given no more than it takes', () => {
  const it = new Dispatch();
  it.member('a', 2);
  it.submit();
  it.gone('a');
  it.member('a', 2);
  assert.deepEqual([it.submit(), it.submit()].flat(), ['2 to a']);
});

test('tasks are bounded', () => {
  const it = new Dispatch({ tasks: 2 });
  it.submit();
  it.submit();
  assert.deepEqual(it.submit(), ['3 ERR_QUEUE_FULL ran no']);
  it.step({ type: 'cancel', id: 1 });
  assert.deepEqual(it.submit(), []);
});

test('closed, it gives up all and takes none', () => {
  const it = new Dispatch();
  it.member('a');
  it.submit();
  it.submit({ deadlineMs: 5 });
  const words = ['abort 1', '1 ERR_CLOSED ran perhaps', '2 ERR_CLOSED ran no'];
  assert.deepEqual(it.step({ type: 'close' }), words);
  assert.deepEqual(it.submit(), ['3 ERR_CLOSED ran no']);
  assert.deepEqual(it.member('b'), []);
  assert.equal(it.machine.deadline(), null);
});

test('it shows what it has', () => {
  const it = new Dispatch();
  it.member('a');
  it.submit({ key: 'k', priority: 2 });
  it.submit();
  const [one, two] = it.machine.view(it.nowMs + 7);
  const plain = { pool: 'p', delivery: 'at-least-once', ageMs: 7 } as const;
  assert.deepEqual(one, { ...plain, id: 1, key: 'k', priority: 2, member: 'a', attempt: 1 });
  assert.deepEqual(two, { ...plain, id: 2, key: null, priority: 0, member: null, attempt: 0 });
});
