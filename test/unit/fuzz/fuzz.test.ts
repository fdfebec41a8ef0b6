import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { ProtocolError } from '../../../src/errors.js';
import { decoders, type FuzzedDecoder } from '../../fuzz/decoders.js';
import { fuzz } from '../../fuzz/fuzz.js';
import { inputOf, runDecoder } from '../../fuzz/run-decoder.js';
import { SeededRandom } from '../../random.js';

const SEED = 5;

test(`fuzz: every decoder, 20,000 inputs (seed ${SEED})`, async () => {
  const findings = await fuzz({ inputs: 20_000, seed: SEED });
  assert.deepEqual(findings.violations, []);
  assert.deepEqual(
    findings.decoders.map(({ name }) => name),
    decoders.map(({ name }) => name),
  );
  for (const { inputs, accepted, rejected, slowestMs } of findings.decoders) {
    assert.equal(inputs, 20_000);
    assert.equal(accepted + rejected, inputs);
    assert.ok(accepted > 1000 && rejected > 1000, 'both happen often');
    assert.ok(slowestMs > 0);
  }
});

function broken(decode: (data: Buffer) => unknown): readonly string[] {
  const decoder: FuzzedDecoder = { name: 'broken', samples: [Buffer.from('sample')], decode };
  return runDecoder(decoder, { seed: SEED, from: 0, to: 2000 }).violations;
}

const refuse = () => {
  throw new ProtocolError('ERR_PROTOCOL', 'no');
};

test('a decoder that only throws ProtocolErrors has no violation', () => {
  assert.deepEqual(broken(refuse), []);
  assert.deepEqual(
    broken(() => 1),
    [],
  );
});

test('another error is a violation, with what replays it, and the decoder is given up', () => {
  const violations = broken((data) => data.readUInt8(40));
  assert.ok(violations.length >= 1 && violations.length < 10);
  const [, index = '', hex = ''] =
    /RangeError.* for input (\d+), \d+ bytes: ([0-9a-f]*) \(seed 5\)$/.exec(violations[0] ?? '') ??
    [];
  const decoder = { name: 'broken', samples: [Buffer.from('sample')], decode: refuse };
  const again = inputOf(decoder, new SeededRandom(0), SEED, Number(index));
  assert.equal(again.toString('hex'), hex);
});

test('a thrown null is a violation', () => {
  const violations = broken(() => {
    throw null;
  });
  assert.match(violations[0] ?? '', /nothing at all/);
});

test('an input that takes long is a violation', () => {
  const violations = broken((data) => {
    if (data.toString() !== 'sample') return refuse();
    const endMs = performance.now() + 8;
    while (performance.now() < endMs);
    return null;
  });
  assert.match(violations[0] ?? '', /^broken: \d+(\.\d+)? ms for input \d+, 6 bytes/);
});

test('a changed prototype is a violation', () => {
  const shared = Object.prototype as { polluted?: boolean };
  try {
    const violations = broken(() => {
      shared.polluted = true;
    });
    assert.deepEqual(violations, ['broken: changed Object.prototype: polluted (seed 5)']);
  } finally {
    delete shared.polluted;
  }
});

test('the same seed and number make the same input, another seed another one', () => {
  const random = new SeededRandom(0);
  for (const decoder of decoders) {
    let different = 0;
    for (let index = 0; index < 200; index++) {
      const one = inputOf(decoder, random, 1, index);
      assert.deepEqual(inputOf(decoder, new SeededRandom(9), 1, index), one);
      if (!inputOf(decoder, random, 2, index).equals(one)) different++;
    }
    assert.ok(different > 100, decoder.name);
  }
});

test('all samples are accepted as they are', () => {
  for (const { samples, decode } of decoders) for (const sample of samples) decode(sample);
});

test('the command ends with one line of JSON, or a table, and refuses odd numbers', () => {
  const main = fileURLToPath(new URL('../../fuzz/main.js', import.meta.url));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 60_000 });
  const { status, stdout, stderr } = run('--json', '--inputs', '500', '--seed', '7');
  assert.equal(status, 0, stderr);
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  const { command, ok, violations, seed, decoders: figures } = report;
  assert.deepEqual(
    { command, ok, violations, seed },
    { command: 'fuzz', ok: true, violations: [], seed: 7 },
  );
  for (const one of figures as Record<string, unknown>[]) {
    assert.deepEqual(Object.keys(one), ['name', 'inputs', 'accepted', 'rejected', 'slowestMs']);
    assert.equal(one['inputs'], 500);
  }
  assert.match(run('--inputs', '500').stdout, /CBOR bodies +500 /);
  for (const number of ['0', '-1', 'x', '1.5']) assert.notEqual(run('--inputs', number).status, 0);
});
