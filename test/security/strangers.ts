/**
 * Strangers who open associations with a node and never finish a handshake: thousands that say
 * nothing more, and slow ones that say a little now and then.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../../src/limits.js';
import { keyId } from '../../src/link/agreement.js';
import { type Association, connect } from '../../src/sctp/index.js';
import { timingOf } from '../../src/timing/check.js';
import { profiles } from '../../src/timing/profiles.js';
import { FrameWriter, HEADER_BYTES } from '../../src/wire/frame.js';
import { currentOffer, encodeIntroduction } from '../../src/wire/handshake-frames.js';
import { Dice } from './dice.js';
import { cluster, stepOf } from './victims.js';

/** Where an association of a stranger begins, made on that host's network. */
export interface Origin {
  readonly address: string;
  /** The victim's address on the same plane. */
  readonly target: string;
  enter<T>(work: () => T): T;
}

export interface StrangersOptions {
  readonly origins: readonly Origin[];
  readonly port: number;
  readonly count: number;
  /** How many are there at any time. */
  readonly atOnce: number;
  /** Before the place of one that is over is taken by the next. */
  readonly pauseMs: number;
  readonly seed: string;
  readonly told?: (ended: number) => void;
}

/** What became of them. */
export interface StrangersFindings {
  readonly attempts: number;
  /** Those whose association came up. */
  up: number;
  /** Those that got a WELCOME. */
  accepted: number;
  /** Longest time from the moment an association was up until it was over, seen from here. */
  longestLifeMs: number;
  /** Those whose end was not before the time they are given was over. */
  endedByTime: number;
}

const LARGE_BYTES = 256 * 1024;
const STREAMS = { outbound: 4, inbound: 4 };

/** What a stranger does with its association; calls `after` to be called again. */
type Behaviour = (
  association: Association,
  dice: Dice,
  after: (delayMs: number, work: () => void) => void,
) => void;

/** A HELLO with all that somebody who listens can know. */
function hello(dice: Dice): Buffer {
  return encodeIntroduction('hello', {
    offer: currentOffer,
    timing: timingOf(profiles.lan),
    linkNumber: 1,
    incarnation: dice.bytes(8).readBigUInt64BE(),
    nonce: dice.bytes(32),
    publicKey: dice.bytes(32),
    keyId: keyId(cluster.key),
    name: 'somebody@else',
    label: cluster.label,
  });
}

/** A frame whose type no version knows: no error, but it counts. */
function unknownFrame(bytes: number): Buffer {
  return new FrameWriter(200, bytes).frame.fill(0, HEADER_BYTES);
}

/** Half of them say nothing, half say HELLO. */
export const halfOpen: Behaviour = (association, dice) => {
  if (dice.below(2) === 0) association.send(hello(dice));
};

const drips: readonly Behaviour[] = [
  // A byte at a time, each an SCTP message of its own.
  (association, dice, after) => {
    const frame = hello(dice);
    const next = (at: number) => {
      association.send(frame.subarray(at, at + 1));
      if (at + 1 < frame.length) after(20, () => next(at + 1));
    };
    next(0);
  },
  // A frame at a time, three of the four that are allowed.
  (association, dice, after) => {
    after(500, () => association.send(unknownFrame(HEADER_BYTES + dice.below(100))));
    after(1500, () => association.send(unknownFrame(HEADER_BYTES)));
    after(2500, () => association.send(unknownFrame(HEADER_BYTES)));
  },
  // A HELLO, and then nothing that would prove anything.
  (association, dice, after) => {
    association.send(hello(dice));
    after(1000, () => association.send(unknownFrame(HEADER_BYTES)));
    after(2900, () => association.send(unknownFrame(HEADER_BYTES)));
  },
  // Nothing until the very end.
  (association, dice, after) => {
    after(limits.handshakeMs - 200, () => association.send(hello(dice)));
  },
  // A message that is far too large, on its way for as long as that takes.
  (association) => {
    association.send(unknownFrame(LARGE_BYTES));
  },
];

/** Each says a little now and then, in one of several ways. */
export const slowDrip: Behaviour = (association, dice, after) =>
  dice.pick(drips)(association, dice, after);

/** Opens `count` associations, `atOnce` at a time, and resolves when all are over. */
export async function sendStrangers(
  behaviour: Behaviour,
  options: StrangersOptions,
): Promise<StrangersFindings> {
  const { count, atOnce, pauseMs, seed, origins, told } = options;
  const found: StrangersFindings = {
    attempts: count,
    up: 0,
    accepted: 0,
    longestLifeMs: 0,
    endedByTime: 0,
  };
  let next = 0;
  let ended = 0;
  const worker = async (place: number) => {
    // They do not come all in one moment, which none of us would have the CPU for.
    await delay((pauseMs * place) / 4);
    while (next < count) {
      const number = next++;
      const origin = origins[number % origins.length]!;
      await stranger(behaviour, origin, options.port, new Dice(`${seed}/${number}`), found);
      ended += 1;
      if (ended % 1000 === 0) told?.(ended);
      await delay(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, place) => worker(place)));
  return found;
}

function stranger(
  behaviour: Behaviour,
  { address, target, enter }: Origin,
  port: number,
  dice: Dice,
  found: StrangersFindings,
): Promise<void> {
  const startMs = performance.now();
  const association = enter(() =>
    connect({ addresses: [target], port, localAddresses: [address], streams: STREAMS }),
  );
  const timers = new Set<NodeJS.Timeout>();
  let upAtMs: number | null = null;
  const after = (delayMs: number, work: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (association.state === 'up') work();
    }, delayMs);
    timers.add(timer);
  };
  association.on('up', () => {
    upAtMs = performance.now();
    found.up += 1;
    behaviour(association, dice, after);
  });
  association.on('message', (data) => {
    if (stepOf(data) === 'welcome') found.accepted += 1;
  });
  return new Promise((resolve) => {
    association.on('close', () => {
      for (const timer of timers) clearTimeout(timer);
      const nowMs = performance.now();
      // The moment at which it was up is known late where this process is busy with the others.
      if (nowMs - startMs >= limits.handshakeMs) found.endedByTime += 1;
      if (upAtMs !== null) found.longestLifeMs = Math.max(found.longestLifeMs, nowMs - upAtMs);
      resolve();
    });
  });
}
