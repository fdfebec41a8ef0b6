import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Deframer, frame } from '../../../src/lab/scenario/tcp-traffic.js';

test('messages come out whole and in order, however the stream was cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.array(fc.integer({ min: 1, max: 13 }), { minLength: 1 }),
      (bodies, cuts) => {
        const stream = Buffer.concat(bodies.map(frame));
        const out: Buffer[] = [];
        const deframer = new Deframer((body) => out.push(Buffer.from(body)));
        for (let at = 0, i = 0; at < stream.length; i++) {
          const length = cuts[i % cuts.length]!;
          deframer.push(stream.subarray(at, at + length));
          at += length;
        }
        assert.deepEqual(
          out,
          bodies.map((body) => Buffer.from(body)),
        );
      },
    ),
    { seed: 20010927 },
  );
});
