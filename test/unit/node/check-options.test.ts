/** What a program gives in place of options, and what it is told. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { linkedPair, words } from './cluster.js';

type Case = readonly [options: unknown, message: RegExp];

/** Of every method that takes options. */
const NO_OBJECT: readonly Case[] = [null, 5, 'fast', []].map((options) => [options, /^options /]);
const TYPO: Case = [{ odd: 1 }, /^there is no option odd; there are \w/];
const SEND: readonly Case[] = [
  ...NO_OBJECT,
  TYPO,
  [{ orderKey: 5 }, /^orderKey /],
  [{ priority: 'yes' }, /^priority /],
  [{ traceparent: 'none' }, /^traceparent /],
];
const TELL: readonly Case[] = [
  ...SEND,
  [{ unordered: 1 }, /^unordered /],
  [{ ttl: -5 }, /^ttl must be a number from 0 to \d+, not -5$/],
  [{ deadlineMs: 5 }, /^there is no option deadlineMs/],
];
const HEARD: readonly Case[] = [...TELL, [{ onOutcome: 5 }, /^onOutcome must be a function/]];
const DEADLINE: readonly Case[] = [
  ...NO_OBJECT,
  TYPO,
  [{ deadlineMs: -1 }, /^deadlineMs must be a number from 0 to \d+, not -1$/],
];
const SIGNAL: Case = [{ signal: {} }, /^signal /];

test('options that are none, or unknown, are told by name, and nothing is sent', async () => {
  const { cluster, one, two } = await linkedPair();
  const { node } = one;
  let handled = 0;
  const count = () => {
    handled += 1;
  };
  two.node.handle('t', count);
  two.node.subscribe('t', count);
  await cluster.run(10);
  const to = 'two@host2';
  const tables: [readonly Case[], (options: never) => unknown][] = [
    [HEARD, (options) => node.send(to, 't', 1, options)],
    [HEARD, (options) => node.publish('t', 1, options)],
    [TELL, (options) => node.sendForOutcome(to, 't', 1, options)],
    [TELL, (options) => node.publishForOutcomes('t', 1, options)],
    [[...SEND, ...DEADLINE, SIGNAL], (options) => node.call(to, 't', 1, options)],
    [
      [...SEND, SIGNAL, [{ idleMs: -1 }, /^idleMs must be/], [{ creditBytes: 1 }, /^creditBytes /]],
      (options) => node.stream(to, 't', 1, options),
    ],
    [DEADLINE, (options) => node.ping(to, options)],
    [DEADLINE, (options) => node.disconnect(to, options)],
    [[...NO_OBJECT, TYPO, [{ key: 5 }, /^key /]], (options) => node.pick('g', options)],
    [DEADLINE, (options) => node.close(options)],
  ];
  for (const [cases, run] of tables) {
    for (const [options, message] of cases) {
      const wrong = async () => run(options as never);
      await assert.rejects(wrong, { code: 'ERR_ARGUMENT', message }, `${run} ${options}`);
    }
  }
  await cluster.run(10);
  assert.equal(handled, 0);
  assert.deepEqual(words(one.diary, 'nodedown'), []);
});

test('options that are left out one by one are no mistake', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('t', (body) => body);
  const none = undefined as never;
  const options = { orderKey: none, priority: none, deadlineMs: none, signal: none };
  assert.equal(await cluster.until(one.node.call('two@host2', 't', 1, options)), 1);
  assert.equal(one.node.send('two@host2', 't', 1, { ttl: none, onOutcome: none }), true);
});

test('what is no name of a node is told as it was given', async () => {
  const { one } = await linkedPair();
  const { node } = one;
  for (const none of [null, undefined, 5, {}] as never[]) {
    assert.throws(() => node.send(none, 't', 1), { code: 'ERR_ARGUMENT' });
    assert.throws(() => node.stream(none, 't', 1), { code: 'ERR_ARGUMENT' });
    await assert.rejects(node.call(none, 't', 1), { code: 'ERR_ARGUMENT' });
    await assert.rejects(node.disconnect(none), { code: 'ERR_ARGUMENT' });
  }
  const told = { code: 'ERR_ARGUMENT', message: /name@host, not "nope"$/ };
  assert.throws(() => node.monitor('nope', () => {}), told);
  await assert.rejects(node.disconnect('nope'), told);
  await assert.rejects(node.connect({ name: 'nope', addresses: ['10.1.0.2'] }), told);
});

test('a node has no link with itself, and no monitor', async () => {
  const { one } = await linkedPair();
  const { node } = one;
  node.join('g');
  assert.equal(node.pick('g'), node.name);
  await assert.rejects(node.call(node.name, 't', 1), { code: 'ERR_NO_LINK' });
  const itself = { code: 'ERR_ARGUMENT', message: /is this node itself/ };
  assert.throws(() => node.monitor(node.name, () => {}), itself);
});

test('an observer is a function', async () => {
  const { one } = await linkedPair();
  for (const none of [5, null, {}] as never[]) {
    const told = { code: 'ERR_ARGUMENT', message: /^observer must be a function/ };
    assert.throws(() => one.node.observe(none), told);
  }
});

test('a closed node begins nothing, and lets take away', async () => {
  const { cluster, one } = await linkedPair();
  const { node } = one;
  node.join('g');
  const unhandle = node.handle('t', () => {});
  const unsubscribe = node.subscribe('t', () => {});
  const closed = node.close();
  const begin = [
    () => node.handle('u', () => {}),
    () => node.subscribe('u', () => {}),
    () => node.join('h'),
    () => node.useKeys(Buffer.alloc(limits.keyMinBytes)),
  ];
  for (const run of begin) assert.throws(run, { code: 'ERR_CLOSED' });
  await cluster.until(closed);
  for (const run of begin) assert.throws(run, { code: 'ERR_CLOSED' });
  unhandle();
  unsubscribe();
  assert.equal(node.leave('g'), true);
});
