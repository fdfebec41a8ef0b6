import assert from 'node:assert/strict';
import test from 'node:test';
import { LiveText } from '../../../src/cli/live-text.js';

test('lines are redrawn in place, and others printed above them', () => {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const taken = () => {
    const all = text.replaceAll('\u001b', 'ESC');
    text = '';
    return all;
  };
  const live = new LiveText({ columns: 5, write });
  live.show(['one', 'two']);
  assert.equal(taken(), 'one\ntwo\n');
  live.show(['three four']);
  assert.equal(taken(), 'ESC[2AESC[0Jthree\n');
  live.print('stays');
  assert.equal(taken(), 'ESC[1AESC[0Jstays\nthree\n');
});
