/**
 * What keeps a worker busy inside the addon's methods and handlers until it is terminated, so that
 * the end comes in mid-call. Each calls `there` when it has begun.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { NativeSocket } from '../../src/sctp/native.js';
import { openPair, Recorder, reading, send } from '../unit/addon/support.js';
import { fill, sendRefused } from './states.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Calls of one turn of the loop: descriptors are let go of between turns. */
const CALLS_PER_TURN = 100;

/** Does `work` for ever, in bursts with turns of the loop between them. */
function forEver(work: () => void): void {
  const burst = () => {
    for (let i = 0; i < CALLS_PER_TURN; i++) work();
    setImmediate(burst);
  };
  burst();
}

/** A pair whose receiver calls `after` after each crossing. */
function pairWith(after: () => void): [NativeSocket, NativeSocket] {
  const [a, b] = openPair();
  const recorder = new Recorder();
  recorder.after = () => {
    recorder.messages.length = recorder.notifications.length = 0;
    after();
  };
  b.attach(recorder);
  return [a, b];
}

/** One message from end to end, within this call. */
function passOne([a, b]: [NativeSocket, NativeSocket]): void {
  send(a, 'one');
  b.drain(1);
}

/** By name. */
export const busy: Readonly<Record<string, (there: () => void) => void>> = {
  'opening and closing': (there) => {
    there();
    forEver(() => {
      const [a, b] = openPair();
      reading(b);
      send(a, 'x');
      a.close();
      b.abort();
    });
  },
  // Nothing but calls in which a socket is made.
  opening: (there) => {
    there();
    forEver(() => {
      for (const socket of openPair()) socket.abort();
    });
  },
  'opening and leaving to the collector': (there) => {
    there();
    const burst = () => {
      for (let i = 0; i < CALLS_PER_TURN; i++) openPair();
      gc();
      setImmediate(burst);
    };
    burst();
  },
  'sending more than fits': (there) => {
    const [a, b] = pairWith(() => {});
    b.resume();
    there();
    forEver(() => {
      if (a.queuedBytes < 1 << 20) fill(a, 100);
    });
  },
  'sending and draining without a turn of the loop': (there) => {
    const pair = pairWith(() => {});
    there();
    for (;;) passOne(pair);
  },
  'in a handler that never returns': (there) => {
    const inner = pairWith(() => {});
    const [a, b] = pairWith(() => {
      there();
      for (;;) passOne(inner);
    });
    send(a, 'begin');
    b.resume();
  },
  'in a handler of a drain that never returns': (there) => {
    const inner = pairWith(() => {});
    const [a, b] = pairWith(() => {
      there();
      for (;;) passOne(inner);
    });
    send(a, 'begin');
    b.drain(1);
  },
  'being told of refused messages': (there) => {
    const [a, b] = pairWith(() => sendRefused(b));
    b.resume();
    sendRefused(b);
    // Holds the other end.
    forEver(() => void a.queuedBytes);
    there();
  },
  'filling and emptying': (there) => {
    const [a, b] = pairWith(() => {});
    const sender = reading(a);
    b.resume();
    there();
    forEver(() => {
      if (a.queuedBytes === 0) fill(a, 300);
      sender.drains = 0;
    });
  },
};
