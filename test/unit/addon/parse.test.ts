import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { packageRoot } from '../../../src/sctp/load-addon.js';
import { compile, run } from './compiler.js';

const root = packageRoot();
const INPUTS = 200_000;

test('the parsers hold for valid, mutated and random input, under sanitizers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-fuzz-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const parsers = readdirSync(join(root, 'addon/parse')).filter((name) => name.endsWith('.cc'));
  const sources = [
    join(root, 'test/fuzz/parse_fuzz.cc'),
    ...parsers.map((name) => join(root, 'addon/parse', name)),
  ];
  const program = join(folder, 'parse_fuzz');
  // No header of Node is needed, or found: the parsers must not know it.
  await compile([...sources, '-o', program]);
  const { code, output } = await run(program, [String(INPUTS)]);
  t.diagnostic(output.split('\n')[0] ?? '');
  assert.equal(code, 0, output);
  assert.match(output, new RegExp(`^${INPUTS} inputs$`, 'm'));
});
