import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readRecording } from '../../../../src/lab/recording/read.js';
import { Recorder } from '../../../../src/lab/recording/recorder.js';

async function withFile(work: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-recording-'));
  try {
    await work(join(folder, 'recording.csv'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a recording comes back from its file as it was', () =>
  withFile(async (file) => {
    const recorder = new Recorder(10);
    recorder.record(7, 123_456_789_012_345_678n);
    recorder.record(4_294_967_295, 123_456_789_012_345_679n);
    await recorder.save(file);
    assert.equal(
      readFileSync(file, 'utf8'),
      'number,timeNs\n7,123456789012345678\n4294967295,123456789012345679\n',
    );
    const { numbers, timesNs } = await readRecording(file);
    assert.deepEqual(numbers, recorder.numbers);
    assert.deepEqual(timesNs, recorder.timesNs);
    assert.equal(recorder.count, 2);
  }));

test('an empty recording is one too', () =>
  withFile(async (file) => {
    await new Recorder(0).save(file);
    assert.equal((await readRecording(file)).numbers.length, 0);
  }));

test('without a time, it is now', () => {
  const recorder = new Recorder(1);
  const before = process.hrtime.bigint();
  recorder.record(1);
  assert.ok(recorder.timesNs[0]! >= before && recorder.timesNs[0]! <= process.hrtime.bigint());
});

test('a full recorder refuses, and keeps what it has', () => {
  const recorder = new Recorder(1);
  recorder.record(1);
  assert.throws(() => recorder.record(2), { code: 'ERR_LAB' });
  assert.equal(recorder.count, 1);
});

test('a file that was cut short or is another thing is refused', () =>
  withFile(async (file) => {
    for (const text of [
      '',
      'number,timeNs',
      'number,timeNs\n1,2\n3,',
      'x\n',
      'number,timeNs\na,b\n',
    ]) {
      writeFileSync(file, text);
      await assert.rejects(readRecording(file), { code: 'ERR_LAB' }, JSON.stringify(text));
    }
  }));
