import assert from 'node:assert/strict';
import test from 'node:test';
import { PartsReader, partsOf } from '../../../src/config/parts.js';
import { limits } from '../../../src/limits.js';

const STEP = limits.configPartBytes - 1;

test('a message of any length comes out as it went in, in parts that a node sends', () => {
  const reader = new PartsReader();
  for (const length of [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP, limits.configMessageBytes]) {
    const message = Buffer.from(Array.from({ length }, (_, at) => at % 251));
    const parts = partsOf(message);
    assert.equal(parts.length, Math.max(1, Math.ceil(length / STEP)));
    const whole = parts.map((part) => {
      assert.ok(part.length <= limits.configPartBytes);
      return reader.take(part);
    });
    assert.deepEqual(whole.slice(0, -1), Array(parts.length - 1).fill(null));
    assert.ok(whole.at(-1)?.equals(message));
  }
});

test('what is read does not change with what it was read from', () => {
  const part = Buffer.from([0, 1, 2]);
  const whole = new PartsReader().take(part);
  part.fill(9);
  assert.deepEqual(whole, Buffer.from([1, 2]));
});

test('what is no part, or too long, is not our protocol', () => {
  const reader = new PartsReader();
  assert.throws(() => reader.take(Buffer.alloc(0)), { code: 'ERR_PROTOCOL' });
  assert.throws(() => reader.take(Buffer.from([2, 0])), { code: 'ERR_PROTOCOL' });
  const more = Buffer.alloc(limits.configPartBytes, 1);
  assert.throws(
    () => {
      for (;;) reader.take(more);
    },
    { code: 'ERR_PROTOCOL' },
  );
});
