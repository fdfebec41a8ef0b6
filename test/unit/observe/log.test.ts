import assert from 'node:assert/strict';
import test from 'node:test';
import { LinkError } from '../../../src/errors.js';
import type { LogLevel } from '../../../src/node/logger.js';
import { lineLogger } from '../../../src/observe/log.js';

const TIME = '2026-01-02T03:04:05.678Z';

function written(format: 'json' | 'text', level?: LogLevel) {
  const lines: string[] = [];
  const logger = lineLogger({
    format,
    ...(level === undefined ? {} : { level }),
    write: (line) => lines.push(line),
    wallMs: () => Date.parse(TIME),
  });
  return { lines, logger };
}

test('a line of JSON has time, level, message and the fields', () => {
  const { lines, logger } = written('json');
  logger.warn({ event: 'stalled', node: 'a@b', peer: 'c@d' }, 'it does not answer');
  assert.deepEqual(lines, [
    `{"time":"${TIME}","level":"warn","msg":"it does not answer",` +
      '"event":"stalled","node":"a@b","peer":"c@d"}\n',
  ]);
});

test('no field stands in for time, level or message', () => {
  const { lines, logger } = written('json');
  logger.info({ time: 1, level: 2, msg: 3, more: 4 }, 'text');
  assert.deepEqual(JSON.parse(lines[0] ?? ''), { time: TIME, level: 'info', msg: 'text', more: 4 });
});

test('an error is its code and message; its stack only where it has no code', () => {
  const { lines, logger } = written('json');
  logger.error({ err: new LinkError('ERR_KEY_MISMATCH', 'another key') }, '');
  logger.error({ err: new TypeError('mine') }, '');
  const [ours, theirs] = lines.map((line) => JSON.parse(line).err);
  assert.deepEqual(ours, { code: 'ERR_KEY_MISMATCH', message: 'another key' });
  assert.equal(theirs.message, 'mine');
  assert.match(theirs.stack, /^TypeError: mine\n +at /);
});

test('what JSON cannot hold loses no line', () => {
  const { lines, logger } = written('json');
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  logger.info({ circle }, 'round');
  logger.info({ big: 2n ** 70n }, 'big');
  assert.deepEqual(JSON.parse(lines[0] ?? ''), { time: TIME, level: 'info', msg: 'round' });
  assert.equal(JSON.parse(lines[1] ?? '').big, `${2n ** 70n}`);
});

test('a line for people leaves out what the message has said, and what is nothing', () => {
  const { lines, logger } = written('text');
  const err = new LinkError('ERR_TIMEOUT', 'late');
  const fields = { event: 'x', node: 'a@b', peer: 'c@d', planes: { a: '1' }, none: null, err };
  logger.info({ ...fields, missing: [] }, 'c@d is up');
  assert.deepEqual(lines, [`${TIME} info  c@d is up planes=a:1 err=ERR_TIMEOUT: late missing=-\n`]);
});

test('a stranger cannot write to the terminal', () => {
  const { lines, logger } = written('text');
  logger.warn({ text: 'a\u001b[2Jb\nc\u009bd\u0007' }, 'x\r\ny');
  const [line = ''] = lines;
  // Versions of Node.js differ in what they take for the rest of a sequence of C1 controls.
  assert.ok(line.startsWith(`${TIME} warn  x  y text=ab c`), line);
  assert.match(line, /^[\u0020-\u007e]+\n$/);
});

test('lines below the level are left out', () => {
  for (const [level, expected] of [
    [undefined, ['info', 'warn', 'error']],
    ['trace', ['trace', 'debug', 'info', 'warn', 'error']],
    ['error', ['error']],
  ] as const) {
    const { lines, logger } = written('json', level);
    for (const one of ['trace', 'debug', 'info', 'warn', 'error'] as const) logger[one]({}, '');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).level),
      expected,
    );
  }
});
