/**
 * The addon without SCTP: pairs of sequenced-packet sockets stand in for associations, so that
 * reading, queueing, ending and closing are tested on every host, and under sanitizers.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { builtCandidates, loadFrom, packageRoot } from '../../../src/sctp/load-addon.js';
import {
  META_LENGTH,
  META_OFFSET,
  META_STRIDE,
  type NativeAddon,
  type NativeError,
  type NativeHandlers,
  type NativeNotification,
  type NativeSocket,
} from '../../../src/sctp/native.js';

/** What the addon has beyond its contract, for these tests alone. */
interface TestAddon extends NativeAddon {
  /**
   * Two connected sockets that keep message boundaries. A message of exactly PIECE_BYTES counts as
   * a part of a longer one.
   */
  _openPair(): [NativeSocket, NativeSocket];
}

/**
 * A message of this size stands for one without MSG_EOR, because the addon reads that much at once.
 */
export const PIECE_BYTES = 96 * 1024;

/** Path of another build of the addon to test, as the sanitizer test gives it. */
export const ADDON_VARIABLE = 'BACKPLANE_TEST_ADDON';

const root = packageRoot();
const chosen = process.env[ADDON_VARIABLE];

export const addon = loadFrom(
  chosen === undefined ? builtCandidates('backplane.node', root) : [chosen],
  root,
) as TestAddon;

/** What one socket was told, in order. */
export class Recorder implements NativeHandlers {
  readonly messages: Buffer[] = [];
  readonly notifications: NativeNotification[] = [];
  readonly ends: (NativeError | null)[] = [];
  readonly oversize: number[] = [];
  drains = 0;
  crossings = 0;
  /** Whether it says after each crossing that the memory may be used again. */
  releases = false;
  /** Called after each crossing. */
  after: (() => void) | null = null;

  onReceive(slab: ArrayBuffer, count: number, notifications: NativeNotification[] | null): boolean {
    this.crossings++;
    assert.equal(this.ends.length, 0, 'nothing comes after the end');
    for (let i = 0; i < count; i++) {
      const offset = addon.meta[i * META_STRIDE + META_OFFSET] ?? 0;
      const length = addon.meta[i * META_STRIDE + META_LENGTH] ?? 0;
      if (length >= 0) this.messages.push(Buffer.from(slab, offset, length));
    }
    if (notifications !== null) this.notifications.push(...notifications);
    this.after?.();
    return this.releases;
  }

  onEnd(error: NativeError | null): void {
    this.ends.push(error);
    this.after?.();
  }

  onDrain(): void {
    this.drains++;
  }

  onAccept(): void {
    assert.fail('a stand-in does not listen');
  }

  onAcceptError(error: NativeError): void {
    assert.ifError(error);
  }

  onOversize(bytes: number): void {
    this.oversize.push(bytes);
  }
}

/** Two connected sockets without handlers. */
export function openPair(): [NativeSocket, NativeSocket] {
  return addon._openPair();
}

/** One end of a pair with handlers, reading. */
export function reading(socket: NativeSocket, handlers = new Recorder()): Recorder {
  socket.attach(handlers);
  socket.resume();
  return handlers;
}

export function send(socket: NativeSocket, text: string): void {
  socket.send(Buffer.from(text), 0, 0, 0, 0);
  socket.flush();
}

/**
 * Lets the loop turn until `done`. Bounded by time, not by turns: these may be very short, and
 * some kernels give a reader's buffers back to the sender only after many of them.
 */
export async function until(done: () => boolean, deadlineMs = 10_000): Promise<void> {
  const start = performance.now();
  while (!done()) {
    assert.ok(performance.now() - start < deadlineMs, `not so after ${deadlineMs} ms: ${done}`);
    await turn();
  }
}

/** Lets the loop turn, so that closed handles are let go of. */
export async function settle(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

/** Open descriptors of this process. */
export function descriptors(): number {
  assert.ok(existsSync('/proc/self/fd'));
  return readdirSync('/proc/self/fd').length;
}

/** Collects garbage, and lets finalizers run. */
export async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let i = 0; i < 5; i++) {
    gc();
    await settle();
  }
}
