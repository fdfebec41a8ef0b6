/** The raw native face on real associations over the loopback interface. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { loadAddon } from '../../../src/sctp/load-addon.js';
import {
  META_FLAGS,
  META_LENGTH,
  META_OFFSET,
  META_PPID,
  META_SSN,
  META_STREAM,
  META_STRIDE,
  META_TSN,
  type NativeAddon,
  type NativeError,
  type NativeHandlers,
  type NativeNotification,
  type NativeSocket,
} from '../../../src/sctp/native.js';

export const addon: NativeAddon = loadAddon();

export const BUFFER_BYTES = 4 * 1024 * 1024;
const PATIENCE_MS = 20_000;

export interface ReceivedMessage {
  readonly data: Buffer;
  readonly stream: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly tsn: number;
  readonly ssn: number;
}

/** What one socket was told, in order. */
export class Recorder implements NativeHandlers {
  readonly messages: ReceivedMessage[] = [];
  readonly notifications: NativeNotification[] = [];
  readonly ends: (NativeError | null)[] = [];
  readonly accepted: NativeSocket[] = [];
  readonly acceptErrors: NativeError[] = [];
  readonly oversize: number[] = [];
  /** Kinds of everything, in order: 'message', a notification's type or change, 'end'. */
  readonly order: string[] = [];

  onReceive(slab: ArrayBuffer, count: number, notifications: NativeNotification[] | null): boolean {
    for (let i = 0; i < count; i++) {
      const entry = addon.meta.subarray(i * META_STRIDE, (i + 1) * META_STRIDE);
      const length = entry[META_LENGTH] ?? 0;
      if (length < 0) this.#notified(notifications?.[entry[META_OFFSET] ?? 0]);
      else this.#received(Buffer.from(slab, entry[META_OFFSET], length), entry);
    }
    return false;
  }

  #notified(notification: NativeNotification | undefined): void {
    assert.ok(notification !== undefined);
    this.notifications.push(notification);
    this.order.push('change' in notification ? notification.change : notification.type);
  }

  #received(data: Buffer, entry: Int32Array): void {
    this.order.push('message');
    this.messages.push({
      data,
      stream: entry[META_STREAM] ?? -1,
      ppid: (entry[META_PPID] ?? 0) >>> 0,
      unordered: entry[META_FLAGS] === 1,
      tsn: (entry[META_TSN] ?? 0) >>> 0,
      ssn: entry[META_SSN] ?? -1,
    });
  }

  onEnd(error: NativeError | null): void {
    this.ends.push(error);
    this.order.push('end');
  }

  onDrain(): void {
    this.order.push('drain');
  }

  onAccept(socket: NativeSocket): void {
    this.accepted.push(socket);
  }

  onAcceptError(error: NativeError): void {
    this.acceptErrors.push(error);
  }

  onOversize(bytes: number): void {
    this.oversize.push(bytes);
  }
}

/** Lets the loop turn until `done`. */
export async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!done()) {
    assert.ok(performance.now() < deadline, `not so after ${PATIENCE_MS} ms: ${done}`);
    await turn();
  }
}

/** A socket with handlers and everything on that tests look at. */
export function open(family: 4 | 6): { socket: NativeSocket; recorder: Recorder } {
  const socket = new addon.Socket(family);
  const recorder = new Recorder();
  socket.attach(recorder);
  socket.setOption('events', true);
  socket.setOption('receiveInfo', true);
  socket.setOption('noDelay', true);
  socket.setOption('sendBufferForce', BUFFER_BYTES);
  socket.setOption('receiveBufferForce', BUFFER_BYTES);
  return { socket, recorder };
}

/** Both ends of one association, and the listening socket it came from. */
export interface Pair {
  readonly client: NativeSocket;
  readonly server: NativeSocket;
  readonly fromServer: Recorder;
  readonly fromClient: Recorder;
  close(): void;
}

/** Listens on the addresses, at a port of the system's choice. */
export function listen(family: 4 | 6, addresses: readonly string[]) {
  const { socket, recorder } = open(family);
  socket.bind(addresses, 0);
  socket.listen(16);
  socket.resume();
  const port = socket.localAddresses()[0]?.port ?? 0;
  assert.ok(port > 0);
  return { socket, recorder, port };
}

/** Makes an association over the loopback interface; both ends are reading. */
export async function associate(family: 4 | 6, addresses: readonly string[]): Promise<Pair> {
  const listener = listen(family, addresses);
  const client = open(family);
  client.socket.bind(addresses, 0);
  client.socket.resume();
  client.socket.connect(addresses, listener.port);
  await until(() => listener.recorder.accepted.length === 1);
  const server = listener.recorder.accepted[0] as NativeSocket;
  const fromClient = new Recorder();
  server.attach(fromClient);
  server.resume();
  await until(() => client.recorder.order.includes('up') && fromClient.order.includes('up'));
  return {
    client: client.socket,
    server,
    fromServer: client.recorder,
    fromClient,
    close() {
      for (const socket of [client.socket, server, listener.socket]) socket.abort();
    },
  };
}
