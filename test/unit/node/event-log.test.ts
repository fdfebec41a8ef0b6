import assert from 'node:assert/strict';
import test from 'node:test';
import { NodeError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { eventLog } from '../../../src/node/event-log.js';
import { checkLogger, LOG_LEVELS, type Logger } from '../../../src/node/logger.js';
import { Cluster } from './cluster.js';

interface Written {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

class Book {
  readonly lines: Written[] = [];
  readonly logger = Object.fromEntries(
    LOG_LEVELS.map((level) => [
      level,
      (fields: Readonly<Record<string, unknown>>, message: string) =>
        this.lines.push({ level, message, fields }),
    ]),
  ) as unknown as Logger;

  get words(): string[] {
    return this.lines.map(({ level, fields }) => `${level} ${fields['event']}`);
  }
}

function log(nowMs: { at: number } = { at: 0 }) {
  const book = new Book();
  const failed = () => assert.fail('the logger did not throw');
  const clock = { nowMs: () => nowMs.at, turnMs: () => nowMs.at };
  return { book, tell: eventLog('one@host1', book.logger, clock, failed) };
}

test('a node writes what happens into its log, with node, peer and plane', async () => {
  const cluster = new Cluster();
  const book = new Book();
  const one = await cluster.start('one', 1, { logger: book.logger });
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  cluster.network.cut('10.1.0.2');
  cluster.network.heal('10.1.0.2');
  await cluster.until(two.node.close());
  await cluster.until(one.node.close());
  assert.deepEqual(book.words, [
    'info listening',
    'info nodeup',
    'info path',
    'warn path',
    'warn redundancy',
    'info path',
    'info redundancy',
    'info nodedown',
    'info closed',
  ]);
  assert.ok(book.lines.every(({ fields }) => fields['node'] === 'one@host1'));
  const { port, planes, keys, engine } = book.lines[0]!.fields;
  assert.deepEqual(
    { port, planes, engine },
    {
      port: 24100,
      planes: { a: '10.1.0.1', b: '10.2.0.1' },
      engine: 'memory',
    },
  );
  assert.deepEqual(keys, one.node.keyIds);
  assert.deepEqual(book.lines[3], {
    level: 'warn',
    message: 'path to two@host2 on plane a: unreachable, inactive',
    fields: {
      event: 'path',
      node: 'one@host1',
      peer: 'two@host2',
      plane: 'a',
      address: '10.1.0.2',
      change: 'unreachable',
      state: 'inactive',
      primary: true,
    },
  });
});

test('an error of an event is the field err', () => {
  const { book, tell } = log();
  const error = new NodeError('ERR_TIMEOUT', 'late');
  tell('nodedown', { name: 'a@b', incarnation: '1', reason: 'lost', error, byUs: false });
  assert.deepEqual(book.lines, [
    {
      level: 'error',
      message: 'a@b is lost',
      fields: {
        event: 'nodedown',
        node: 'one@host1',
        peer: 'a@b',
        incarnation: '1',
        reason: 'lost',
        byUs: false,
        err: error,
      },
    },
  ]);
});

test('a link that we end ourselves is no warning', async () => {
  const cluster = new Cluster();
  const book = new Book();
  const one = await cluster.start('one', 1, { logger: book.logger });
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  await cluster.until(one.node.disconnect(two.node.name));
  const [down, disconnected] = book.lines.slice(-2);
  assert.equal(
    `${down?.level} ${down?.fields['event']} ${down?.fields['byUs']}`,
    'info nodedown true',
  );
  assert.equal(disconnected?.fields['event'], 'disconnected');
  assert.equal(disconnected?.fields['peer'], 'two@host2');
});

test('of attempts that fail alike one is told; the others at level debug', () => {
  const { book, tell } = log();
  const fail = (code: 'ERR_TIMEOUT' | 'ERR_REFUSED', attempts: number) => {
    const error = new NodeError(code, 'no');
    tell('dialFailed', { name: 'a@b', code, error, attempts, retryInMs: 100 });
  };
  fail('ERR_TIMEOUT', 1);
  fail('ERR_TIMEOUT', 2);
  fail('ERR_REFUSED', 3);
  tell('nodeup', { name: 'a@b', incarnation: '1', dialledBy: 'us', linkNumber: 1 });
  fail('ERR_REFUSED', 1);
  tell('disconnected', { name: 'a@b' });
  fail('ERR_REFUSED', 1);
  const levels = book.lines.map(({ level }) => level);
  assert.deepEqual(levels, ['warn', 'debug', 'warn', 'info', 'warn', 'info', 'warn']);
});

test('peers whose attempts are told apart are bounded', () => {
  const { book, tell } = log();
  const error = new NodeError('ERR_TIMEOUT', 'no');
  const fail = (name: string) =>
    tell('dialFailed', { name, code: 'ERR_TIMEOUT', error, attempts: 1, retryInMs: 100 });
  for (let i = 0; i <= limits.peers; i++) fail(`n${i}@b`);
  fail('n0@b');
  // There was no room for the last one: it is told as if it were new.
  fail(`n${limits.peers}@b`);
  const levels = book.lines.slice(-2).map(({ level }) => level);
  assert.deepEqual(levels, ['debug', 'warn']);
});

test('a handler that fails again and again is one line a second, with the count', () => {
  const now = { at: 0 };
  const { book, tell } = log(now);
  const fail = () => tell('handlerError', { name: 'a@b', topic: 't', error: new Error('x') });
  for (let i = 0; i < 5; i++) fail();
  now.at = limits.reportEveryMs;
  fail();
  assert.deepEqual(
    book.lines.map(({ level, fields }) => [level, fields['suppressed']]),
    [
      ['error', 0],
      ['error', 4],
    ],
  );
});

test('an event without words of its own is told as it is', () => {
  const { book, tell } = log();
  const error = new NodeError('ERR_TIMEOUT', 'late');
  tell('added' as 'stalled', { name: 'a@b' });
  tell('failed' as 'closed', { error });
  assert.deepEqual(
    book.lines.map(({ level, message }) => `${level} ${message}`),
    ['info added a@b', 'warn failed'],
  );
});

test('a partition is told without its matrix', () => {
  const { book, tell } = log();
  const pairs = [{ nodes: ['a@b', 'c@d'] as const, via: 'e@f', lastedMs: 1 }];
  const nodes = ['a@b', 'c@d', 'e@f'];
  tell('partition', { state: 'detected', nodes, matrix: ['=-+', '-=+', '++='], pairs });
  tell('partition', { state: 'cleared', nodes, matrix: ['=++', '+=+', '++='], pairs: [] });
  const [detected, cleared] = book.lines;
  assert.deepEqual([detected?.level, cleared?.level], ['error', 'info']);
  const { nodes: count, matrix, pairs: told } = detected!.fields;
  assert.deepEqual([count, matrix, told], [3, undefined, pairs]);
});

test('drain is not told', () => {
  const { book, tell } = log();
  tell('drain', { name: 'a@b' });
  assert.deepEqual(book.lines, []);
});

test('a logger that throws or rejects hurts nobody, and is told of once', async () => {
  for (const write of [
    () => {
      throw new Error('disk full');
    },
    async () => {
      throw new Error('disk full');
    },
  ]) {
    const logger = Object.fromEntries(LOG_LEVELS.map((level) => [level, write])) as never;
    const warnings: string[] = [];
    const warned = ({ message }: Error) => void warnings.push(message);
    process.on('warning', warned);
    const cluster = new Cluster();
    const one = await cluster.start('one', 1, { logger });
    const two = await cluster.start('two', 2);
    await cluster.link(one, two);
    assert.equal(one.node.nodes.length, 1);
    await cluster.until(one.node.close());
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    assert.deepEqual(warnings, ['the logger of a node failed: disk full']);
  }
});

test('a logger must have all methods', async () => {
  const { warn: _, ...rest } = new Book().logger;
  for (const bad of [null, 'console', rest]) {
    assert.throws(() => checkLogger(bad), { code: 'ERR_ARGUMENT', message: /no (trace|warn)$/ });
  }
  const options = { logger: rest as Logger };
  await assert.rejects(new Cluster().start('one', 1, options), { code: 'ERR_ARGUMENT' });
  assert.equal(checkLogger(console), console);
});
