import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { type Direction, type Fault, readRecording } from '../../../src/lab/index.js';
import { exchange, type Pair, type Peer, withPair } from './fixtures/peers.js';

/** A frame is through within a millisecond, if the machine is not busy. */
const IN_FLIGHT_NS = 100_000_000n;

const limit = { timeout: 20_000 };

interface Expected {
  readonly fault: Fault;
  readonly direction?: Direction;
  /** What passes between host 1 and host 2 on plane a; the fault is at host 2. */
  readonly toTwo: boolean;
  readonly toOne: boolean;
  /** Carrier at host 1 and at host 2. */
  readonly carriers: readonly [boolean, boolean];
  /** What the kernel tells host 2 when it sends. */
  readonly errorAtTwo: string | null;
}

const table: readonly Expected[] = [
  {
    fault: 'link-down',
    toTwo: false,
    toOne: false,
    carriers: [true, false],
    errorAtTwo: 'ENETUNREACH',
  },
  {
    fault: 'switch-port',
    toTwo: false,
    toOne: false,
    carriers: [true, true],
    errorAtTwo: null,
  },
  { fault: 'switch', toTwo: false, toOne: false, carriers: [false, false], errorAtTwo: null },
  { fault: 'blackhole', toTwo: false, toOne: false, carriers: [true, true], errorAtTwo: null },
  { fault: 'one-way', toTwo: false, toOne: true, carriers: [true, true], errorAtTwo: null },
  {
    fault: 'one-way',
    direction: 'from-host',
    toTwo: true,
    toOne: false,
    carriers: [true, true],
    errorAtTwo: null,
  },
];

/** Marks leave on plane b after all else, and are what is heard last. */
const unmarked = (texts: readonly string[]): string[] => texts.filter((t) => !t.startsWith('mark'));

async function sendOnA(from: Peer, to: Peer, text: string): Promise<string | null> {
  return from.send(from.host.address('a')!, to.host.address('a')!, text);
}

async function cutAndHeal(pair: Pair, expected: Expected): Promise<void> {
  const { lab, one, two } = pair;
  await exchange(pair, 'a');
  await exchange(pair, 'b');
  await Promise.all([one.received(), two.received()]);

  const before = Number(process.hrtime.bigint()) / 1e6;
  const atMs = lab.cut(expected.fault, 'a', 2, expected.direction);
  assert.ok(atMs >= before && atMs <= Number(process.hrtime.bigint()) / 1e6, 'the time of the cut');

  assert.equal(await sendOnA(one, two, 'to two'), null);
  assert.equal(await sendOnA(two, one, 'to one'), expected.errorAtTwo);
  await exchange(pair, 'b');
  assert.deepEqual(unmarked(await two.received()), expected.toTwo ? ['to two'] : []);
  assert.deepEqual(unmarked(await one.received()), expected.toOne ? ['to one'] : []);
  const carriers = [one, two].map(({ host }) => host.counters('a').carrier);
  assert.deepEqual(carriers, expected.carriers);
  assert.equal(two.host.counters('b').carrier, true);

  lab.heal();
  await lab.forwarding();
  await exchange(pair, 'a');
}

async function severalAtOnce(pair: Pair): Promise<void> {
  const { lab } = pair;
  await exchange(pair, 'a');
  for (const fault of ['one-way', 'blackhole', 'switch-port', 'link-down', 'switch'] as const) {
    lab.cut(fault, 'a', 2);
    assert.throws(() => lab.cut(fault, 'a', 2), { code: 'ERR_STATE' });
  }
  lab.cut('blackhole', 'b', 1);
  lab.heal();
  await lab.forwarding();
  await exchange(pair, 'a');
  await exchange(pair, 'b');
  // A cut that is there again: nothing was left over of the first.
  lab.cut('switch', 'a');
  lab.heal();
  await lab.forwarding();
  await exchange(pair, 'a');
}

async function impairment(pair: Pair): Promise<void> {
  const { lab, one, two } = pair;
  const elapsedMs = async () => {
    const startMs = performance.now();
    await exchange(pair, 'a');
    return performance.now() - startMs;
  };
  await exchange(pair, 'a');
  lab.impair('a', 2, { delayMs: 100 });
  const delayedMs = await elapsedMs();
  assert.ok(delayedMs >= 200, `there and back took ${delayedMs} ms`);
  lab.cut('blackhole', 'a', 2);
  lab.heal();
  const healedMs = await elapsedMs();
  assert.ok(healedMs >= 200, `after a fault, there and back took ${healedMs} ms`);
  lab.impair('a', 2, { lossShare: 1 }, 'to-host');
  await sendOnA(one, two, 'lost');
  lab.impair('a', 2, null);
  await exchange(pair, 'a');
  assert.deepEqual(unmarked(await two.received()), []);
}

async function exactness(pair: Pair, fault: Fault): Promise<void> {
  const { lab, one, two } = pair;
  const address = (peer: Peer) => peer.host.address('a')!;
  const files = ['sent', 'received'].map((name) => join(tmpdir(), `${fault}-${name}.csv`));
  const save = () => Promise.all([one.save(files[0]!), two.save(files[1]!)]);
  await exchange(pair, 'a');
  // What waited for an answer to ARP during an earlier fault came when that was healed; it is not
  // of this stream.
  await save();
  await one.stream(address(one), address(two));
  // The stream runs: the plane's counters are the clock of this test.
  const frames = () => two.host.counters('a').receivedFrames;
  const start = frames();
  while (frames() < start + 300) await exchange(pair, 'b');
  const cutNs = BigInt(Math.round(lab.cut(fault, 'a', 2) * 1e6));
  const returnedNs = process.hrtime.bigint();
  await exchange(pair, 'b');
  await one.stop();
  await exchange(pair, 'b');
  await save();
  const [sent, received] = await Promise.all(files.map(readRecording));
  const arrived = new Set(received!.numbers);
  const times = sent!.timesNs;
  // Frames that wait in the kernel at the moment of the cut are cut too.
  const early = sent!.numbers.filter((_, i) => times[i]! < cutNs - IN_FLIGHT_NS);
  const late = sent!.numbers.filter((_, i) => times[i]! > returnedNs);
  assert.ok(early.length > 50 && late.length > 0, `${early.length}, ${late.length}`);
  assert.deepEqual([...early.filter((number) => !arrived.has(number))], []);
  assert.deepEqual([...late.filter((number) => arrived.has(number))], []);
  lab.heal();
  await lab.forwarding();
  await exchange(pair, 'a');
}

test('faults', { timeout: 100_000 }, async (t) => {
  await withPair({ hosts: 2 }, async (pair) => {
    const { lab } = pair;
    const check = async (name: string, work: () => Promise<void>) => {
      lab.heal();
      await lab.forwarding();
      return t.test(name, limit, work);
    };
    for (const expected of table) {
      const name = [expected.fault, expected.direction].filter(Boolean).join(' ');
      await check(`${name} cuts what it says, on its plane only, and heals`, () => {
        return cutAndHeal(pair, expected);
      });
    }
    await check('several faults hold at once, one heal takes them all back', () => {
      return severalAtOnce(pair);
    });
    await check('an impairment delays, loses, stays below a fault, and goes', () => {
      return impairment(pair);
    });
    for (const fault of ['link-down', 'switch-port', 'switch', 'blackhole'] as const) {
      await check(`${fault} is exact: what went before arrives, nothing after it does`, () => {
        return exactness(pair, fault);
      });
    }
    await check('a fault of a plane or host that is not there is refused', async () => {
      assert.throws(() => lab.cut('link-down', 'c', 1), { code: 'ERR_ARGUMENT' });
      assert.throws(() => lab.cut('link-down', 'a', 3), { code: 'ERR_ARGUMENT' });
      assert.throws(() => lab.impair('a', 1, { lossShare: 2 }), { code: 'ERR_ARGUMENT' });
    });
  });
});
