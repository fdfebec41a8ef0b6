import assert from 'node:assert/strict';
import test from 'node:test';
import { randomFuzzer } from '../../fuzz/parsers.js';
import { run } from './compiler.js';

const INPUTS = 200_000;

test('the parsers hold for valid, mutated and random input, under sanitizers', async (t) => {
  const { code, output } = await run(await randomFuzzer(), [String(INPUTS)]);
  t.diagnostic(output.split('\n')[0] ?? '');
  assert.equal(code, 0, output);
  assert.match(output, new RegExp(`^${INPUTS} inputs$`, 'm'));
});
