import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { allocateFrame, FrameType, HEADER_BYTES } from '../../../src/wire/frame.js';
import { Pair, send } from './pair.js';

const SEED = 11;

/** Codes with which a link may end because of what its peer said. */
const ENDS = new Set([
  'refused ERR_PROTOCOL',
  'refused ERR_HANDSHAKE_LIMIT',
  'refused ERR_VERSION',
  'refused ERR_LABEL_MISMATCH',
  'refused ERR_KEY_MISMATCH',
  'refused ERR_FEATURES',
  'refused ERR_SECURITY',
  'refused ERR_PROFILE_MISMATCH',
  'refused ERR_NAME_MISMATCH',
  'refused ERR_NAME_TAKEN',
  'refused ERR_LINK_DUPLICATE',
  'refused ERR_TIMEOUT',
  'refused ERR_CLOSED',
  'refused ERR_QUEUE_FULL',
  'refused ERR_PEERS',
  'lost ERR_PROTOCOL',
  'lost ERR_TIMEOUT',
  'lost ERR_ASSOCIATION_LOST',
  'left -',
  'closed -',
]);

const oddFrame = fc
  .tuple(
    fc.constantFrom(...Object.values(FrameType), 200),
    fc.uint8Array({ maxLength: 200 }),
    fc.boolean(),
  )
  .map(([type, rest, intact]) => {
    const frame = Buffer.concat([Buffer.alloc(HEADER_BYTES), rest]);
    frame.write(intact ? 'BP' : 'XX', 0);
    frame[2] = 1;
    frame[3] = type;
    frame.writeUInt32BE(frame.length, 4);
    return frame;
  });

const anyFrame = fc.oneof(
  oddFrame,
  fc.constantFrom(allocateFrame(FrameType.bundle, 8), allocateFrame(200, 8)),
);

function assertHarmless(pair: Pair): void {
  pair.advance(20_000);
  for (const { events, runtime, link } of [pair.a, pair.b]) {
    const ends = events.filter((line) => line.startsWith('end '));
    assert.ok(ends.length <= 1, 'a link ends once');
    for (const line of ends) assert.ok(ENDS.has(line.slice(4)), line);
    if (link.state === 'ended') assert.equal(runtime.waiting, 0, 'no timer is left');
  }
}

test(`fuzz: frames put in at any point of a link's life do no harm (seed ${SEED})`, () => {
  let broken = 0;
  const insertion = fc.record({
    toDialler: fc.boolean(),
    after: fc.nat(4),
    stream: fc.nat(7),
    frame: anyFrame,
  });
  const property = fc.property(
    fc.array(insertion, { minLength: 1, maxLength: 3 }),
    (insertions) => {
      const pair = new Pair();
      pair.b.carrier.up();
      pair.a.carrier.up();
      for (let round = 0; round < 5; round++) {
        for (const { toDialler, after, stream, frame } of insertions) {
          if (after !== round) continue;
          const { carrier } = toDialler ? pair.a : pair.b;
          carrier.inbox.push({ stream, data: Buffer.from(frame) });
        }
        pair.a.carrier.deliver();
        pair.b.carrier.deliver();
      }
      if (pair.a.link.state === 'up') pair.a.link.send(send('x'), { orderKey: '' });
      assertHarmless(pair);
      if (pair.a.events.includes('end lost ERR_PROTOCOL')) broken++;
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 500 });
  assert.ok(broken > 20, 'some insertions reach a link that is up');
});

test(`fuzz: bits that flip on the way end the link or change nothing (seed ${SEED})`, () => {
  const flip = fc.record({ frame: fc.nat(6), at: fc.nat(200), bit: fc.nat(7) });
  const property = fc.property(flip, ({ frame, at, bit }) => {
    const pair = new Pair();
    let count = 0;
    for (const { carrier } of [pair.a, pair.b]) {
      carrier.filter = (_stream, data) => {
        const changed = Buffer.from(data);
        if (count++ === frame && at < changed.length) changed[at]! ^= 1 << bit;
        return [changed];
      };
    }
    pair.connect();
    assertHarmless(pair);
    const upEvents = [...pair.a.events, ...pair.b.events].filter((line) => line.startsWith('up '));
    assert.ok(upEvents.every((line) => line === 'up b@y' || line === 'up a@x'));
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});
