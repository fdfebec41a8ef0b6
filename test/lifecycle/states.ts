/**
 * The states that a process or a worker can be in when it ends: each brings the addon into one and
 * calls `end` there, where possible from within a callback of the addon.
 */

import type { NativeSocket } from '../../src/sctp/native.js';
import { addon, openPair, PIECE_BYTES, Recorder, reading, send } from '../unit/addon/support.js';

/** One state, and how it is reached. */
export interface State {
  readonly name: string;
  /** Whether the loop runs out in it, which tears the environment down with all of this open. */
  readonly quiet: boolean;
  enter(end: () => void): void;
}

/** What a state leaves open must not be collected before the end. */
const kept: unknown[] = [];

/** Messages that the stand-in has no room for, so that a part of them stays in the queue. */
const MORE_THAN_FIT = 1000;
/** Longer than the addon's longest pause before it tries to send again. */
const AFTER_PAUSE_MS = 10;

/** A pair that stays; `b` has handlers whose `after` is called after each crossing and each end. */
function keptPair(after: () => void = () => {}): [NativeSocket, NativeSocket, Recorder] {
  const [a, b] = openPair();
  const recorder = new Recorder();
  recorder.after = after;
  b.attach(recorder);
  kept.push(a, b, recorder);
  return [a, b, recorder];
}

/** Fills the kernel's buffer and the addon's queue. */
export function fill(socket: NativeSocket, messages = MORE_THAN_FIT): void {
  const data = Buffer.alloc(100);
  for (let i = 0; i < messages; i++) socket.send(data, 0, 0, 0, 0);
  socket.flush();
}

/** Sends what the kernel refuses for its size, so that it comes back as a notification. */
export function sendRefused(socket: NativeSocket): void {
  const size = socket.getOption('sendBuffer') as unknown as number;
  socket.send(Buffer.alloc(size - 1), 0, 0, 0, 0);
  socket.flush();
}

function lively(name: string, enter: State['enter']): State {
  return { name, quiet: false, enter };
}

function quiet(name: string, enter: State['enter']): State {
  return { name, quiet: true, enter };
}

const idle: readonly State[] = [
  quiet('open', (end) => {
    kept.push(openPair());
    end();
  }),
  quiet('attached', (end) => {
    const [a] = keptPair();
    send(a, 'never read');
    end();
  }),
  lively('reading', (end) => {
    const [a, b] = keptPair();
    send(a, 'not read yet');
    b.resume();
    end();
  }),
  quiet('unreachable', (end) => {
    for (let i = 0; i < 50; i++) openPair();
    end();
  }),
];

const sending: readonly State[] = [
  lively('the timer of the sending pause runs', (end) => {
    const [a] = keptPair();
    fill(a);
    end();
  }),
  lively('the kernel has no room', (end) => {
    const [a] = keptPair();
    fill(a);
    // The addon's own timer was set before and is shorter, so it has run when this one does.
    setTimeout(end, AFTER_PAUSE_MS);
  }),
  lively('a refused message waits to be told', (end) => {
    const [a, b] = keptPair();
    b.resume();
    sendRefused(b);
    kept.push(a);
    end();
  }),
  lively('a drained queue waits to be told', (end) => {
    const [a, b] = keptPair();
    b.setLimits(1 << 20, 1);
    send(b, 'more than one byte');
    kept.push(a);
    end();
  }),
  lively('a shutdown waits for the queue', (end) => {
    const [a] = keptPair();
    fill(a);
    a.shutdown();
    end();
  }),
];

/** Hands `end` to onDrain. */
class Drained extends Recorder {
  constructor(private readonly end: () => void) {
    super();
  }
  override onDrain(): void {
    this.end();
  }
}

/** Hands `end` to onOversize. */
class Oversized extends Recorder {
  constructor(private readonly end: () => void) {
    super();
  }
  override onOversize(): void {
    this.end();
  }
}

const inHandlers: readonly State[] = [
  lively('in onReceive', (end) => {
    const [a, b] = keptPair(end);
    for (let i = 0; i < 8; i++) send(a, 'read');
    b.resume();
  }),
  lively('in onReceive from drain', (end) => {
    const [a, b] = keptPair(end);
    for (let i = 0; i < 8; i++) send(a, 'read');
    b.drain(1);
  }),
  lively('in onReceive within onReceive', (end) => {
    const [a, b] = keptPair(() => d.drain(1));
    const [c, d] = keptPair(end);
    send(c, 'inner');
    send(a, 'outer');
    b.resume();
  }),
  lively('in onReceive with a refused message', (end) => {
    const [, b] = keptPair(end);
    b.resume();
    sendRefused(b);
  }),
  lively('in onEnd', (end) => {
    const [a, b] = keptPair(end);
    a.close();
    b.resume();
  }),
  lively('in onDrain', (end) => {
    const [a, b] = openPair();
    a.attach(new Drained(end));
    a.setLimits(1 << 20, 50);
    kept.push(a, b, reading(b));
    fill(a);
  }),
  lively('in onOversize', (end) => {
    const [a, b] = openPair();
    b.setLimits(10, 1);
    kept.push(a, b);
    for (const size of [PIECE_BYTES, 5, 5]) a.send(Buffer.alloc(size), 0, 0, 0, 0);
    a.flush();
    reading(b, new Oversized(end));
  }),
  lively('in a handler that closed its socket', (end) => {
    const [a, b] = keptPair(() => {
      b.close();
      end();
    });
    send(a, 'read');
    b.resume();
  }),
  lively('in a handler that closed all sockets', (end) => {
    const [a, b] = keptPair(() => {
      for (const socket of [a, b, c, d]) socket.abort();
      end();
    });
    const [c, d] = keptPair();
    fill(c);
    d.resume();
    send(a, 'read');
    b.resume();
  }),
];

const closing: readonly State[] = [
  quiet('closing', (end) => {
    const [a, b] = keptPair();
    a.close();
    b.abort();
    end();
  }),
  quiet('closing while the timer of the sending pause runs', (end) => {
    const [a, b] = keptPair();
    fill(a);
    a.close();
    b.close();
    end();
  }),
  quiet('closing with deferred calls', (end) => {
    const [a, b] = keptPair();
    b.resume();
    sendRefused(b);
    b.close();
    a.close();
    end();
  }),
  quiet('ended and not closed', (end) => {
    const [a, b] = keptPair(() => setImmediate(end));
    a.close();
    b.resume();
  }),
  quiet('closed, and what was received is held', (end) => {
    const [a, b] = keptPair();
    for (let i = 0; i < 8; i++) send(a, 'held');
    b.drain(1);
    a.close();
    b.close();
    setImmediate(end);
  }),
  quiet('the memory of meta was given away', (end) => {
    const [a, b] = keptPair();
    structuredClone(addon.meta, { transfer: [addon.meta.buffer as ArrayBuffer] });
    send(a, 'cannot be told');
    b.drain(1);
    end();
  }),
];

/** All states. */
export const states: readonly State[] = [...idle, ...sending, ...inHandlers, ...closing];

/** The state of that name. @throws RangeError when there is none. */
export function stateNamed(name: string): State {
  const found = states.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`no state "${name}"`);
  return found;
}
