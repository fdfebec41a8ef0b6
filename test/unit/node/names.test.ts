import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { checkLabel, checkOrderKey, checkTopic, fullName } from '../../../src/node/names.js';

const argument = { code: 'ERR_ARGUMENT' };

test('a name without a host gets the one of this machine', () => {
  assert.equal(fullName('one', 'host1'), 'one@host1');
  assert.equal(fullName('one@elsewhere', 'host1'), 'one@elsewhere');
});

test('a name that cannot stand in a log line is refused', () => {
  for (const name of ['', 'a b', 'a@b@c', 'a\n', 'é', '@host', 'one@', 7, null]) {
    assert.throws(() => fullName(name, 'host1'), argument, JSON.stringify(name));
  }
});

test('a name is bounded in bytes', () => {
  const longest = `${'n'.repeat(limits.nodeNameBytes - 2)}@h`;
  assert.equal(fullName(longest, ''), longest);
  assert.throws(() => fullName(`n${longest}`, ''), argument);
});

test('a label may be empty, and is bounded', () => {
  assert.equal(checkLabel(''), '');
  assert.throws(() => checkLabel('é'.repeat(limits.clusterLabelBytes / 2 + 1)), argument);
  assert.throws(() => checkLabel(1), argument);
});

test('a topic is bounded in bytes, not in characters', () => {
  assert.equal(checkTopic('t'.repeat(limits.topicBytes)).length, limits.topicBytes);
  assert.throws(() => checkTopic('t'.repeat(limits.topicBytes + 1)), argument);
  assert.throws(() => checkTopic('é'.repeat(limits.topicBytes / 2 + 1)), argument);
  for (const topic of ['', 1, undefined]) assert.throws(() => checkTopic(topic), argument);
});

test('an order key is a string', () => {
  assert.equal(checkOrderKey('k'), 'k');
  assert.throws(() => checkOrderKey(1), argument);
});
