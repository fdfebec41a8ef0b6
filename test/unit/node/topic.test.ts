import assert from 'node:assert/strict';
import test from 'node:test';
import { defineTopic } from '../../../src/node/topic.js';
import { linkedPair } from './cluster.js';

/** Holds at compile time: both types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

const sum = defineTopic<readonly number[], number>('sum');
const news = defineTopic<{ readonly text: string }>('news');
const count = defineTopic<number, AsyncIterable<number>>('count');

test('a topic with types is its name', () => {
  assert.equal(sum, 'sum');
  for (const name of ['', 'backplane:ping', 'x'.repeat(256)]) {
    assert.throws(() => defineTopic(name), { code: 'ERR_ARGUMENT' });
  }
});

test('bodies, answers and items have the types of their topic', async () => {
  const { cluster, one, two } = await linkedPair();
  const heard: string[] = [];
  two.node.handle(sum, (numbers, { from }) => {
    same<typeof numbers, readonly number[]>(true);
    return numbers.reduce((total, number) => total + number, from.length - from.length);
  });
  two.node.handle(count, async function* (last) {
    for (let i = 1; i <= last; i++) yield i;
  });
  two.node.handle(news, ({ text }) => void heard.push(text));
  two.node.subscribe(news, ({ text }) => void heard.push(text));
  two.node.handle('untyped', (body) => {
    same<typeof body, unknown>(true);
    return body;
  });
  await cluster.run(10);
  const answer = await cluster.until(one.node.call('two@host2', sum, [1, 2]));
  same<typeof answer, number>(true);
  assert.equal(answer, 3);
  const item = await cluster.until(one.node.stream('two@host2', count, 3).next());
  same<typeof item, IteratorResult<number, undefined>>(true);
  assert.equal(item.value, 1);
  one.node.send('two@host2', news, { text: 'sent' });
  one.node.publish(news, { text: 'published' });
  const untyped = await cluster.until(one.node.call('two@host2', 'untyped', 7));
  same<typeof untyped, unknown>(true);
  assert.equal(untyped, 7);
  assert.deepEqual(heard.sort(), ['published', 'sent']);
});

test('what has another type does not compile', async () => {
  const { one, two } = await linkedPair();
  const wrong = [
    // @ts-expect-error a number is no list
    () => one.node.send('two@host2', sum, 7),
    // @ts-expect-error a text is no news
    () => one.node.publish(news, 'text'),
    // @ts-expect-error the answer is a number
    () => two.node.handle(sum, () => 'text'),
    // @ts-expect-error numbers are streamed
    () => two.node.handle(count, () => 7),
  ];
  assert.equal(wrong.length, 4);
});
