import assert from 'node:assert/strict';
import type { ErrorCode } from '../../../src/errors.js';
import { type Association, type ConnectOptions, connect } from '../../../src/sctp/index.js';
import { replaceAddon } from '../../../src/sctp/load-addon.js';
import { change, FakeAddon, type FakeSocket } from './fake-addon.js';

/** A fresh fake addon in the place of the real one. */
export function fakeAddon(): FakeAddon {
  const addon = new FakeAddon();
  replaceAddon(addon);
  return addon;
}

export const peer: ConnectOptions = { addresses: ['10.0.0.2', '10.0.1.2'], port: 6000 };

/** A dialled association that is up, and the socket below it. */
export function upAssociation(options: Partial<ConnectOptions> = {}): {
  association: Association;
  socket: FakeSocket;
  addon: FakeAddon;
} {
  const addon = fakeAddon();
  const association = connect({ ...peer, ...options });
  const socket = addon.last;
  socket.deliver(change('up'));
  return { association, socket, addon };
}

/** Matcher for `assert.throws`. */
export const withCode = (code: ErrorCode, text?: RegExp) => (error: Error & { code?: string }) => {
  assert.equal(error.code, code, error.message);
  if (text !== undefined) assert.match(error.message, text);
  return true;
};

/**
 * Names of the events in the order of their emission, with their first argument's gist where there
 * is one.
 */
export function recordEvents(association: Association): string[] {
  const seen: string[] = [];
  association.on('message', (data) => seen.push(`message ${data.toString()}`));
  association.on('up', (counts) => seen.push(`up ${counts.outboundStreams}`));
  association.on('path', (event) =>
    seen.push(`path ${event.address} ${event.change} ${event.state}`),
  );
  association.on('restart', () => seen.push('restart'));
  association.on('shutdown', () => seen.push('shutdown'));
  association.on('lost', (loss) => seen.push(`lost ${loss.reason} ${loss.error.code}`));
  association.on('sendFailed', (failure) => seen.push(`sendFailed ${failure.context}`));
  association.on('drain', () => seen.push('drain'));
  association.on('close', () => seen.push('close'));
  return seen;
}

/**
 * Lets everything happen that was put off, to the end of the turn or to the release of a socket.
 */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise(setImmediate);
}
