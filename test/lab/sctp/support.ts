import { once } from 'node:events';
import type { TestContext } from 'node:test';
import {
  type Association,
  type AssociationEvents,
  type ConnectOptions,
  connect,
  type ListenOptions,
  listen,
  type Server,
} from '../../../src/sctp/index.js';

/** Both ends of one association, up. */
export interface Pair {
  readonly server: Server;
  /** The dialling end. */
  readonly near: Association;
  /** The accepted end. */
  readonly far: Association;
}

/** Makes a server and an association with it; everything is closed when the test ends. */
export async function makePair(
  context: TestContext,
  listenOptions: ListenOptions,
  connectOptions: Partial<ConnectOptions> = {},
): Promise<Pair> {
  const server = listen(listenOptions);
  context.after(() => server.close());
  const accepted = once(server, 'association') as Promise<[Association]>;
  const near = connect({ addresses: server.addresses, port: server.port, ...connectOptions });
  context.after(() => near.abort());
  const [far] = await accepted;
  context.after(() => far.abort());
  await near.whenUp();
  return { server, near, far };
}

/** The arguments of the next emission of an event. */
export async function next<K extends keyof AssociationEvents>(
  association: Association,
  event: K,
): Promise<AssociationEvents[K]> {
  return (await once(association, event)) as unknown as AssociationEvents[K];
}

/** Resolves with the first `count` messages from now on. */
export function collect(association: Association, count: number): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  return new Promise((resolve, reject) => {
    association.on('message', (data) => {
      messages.push(data);
      if (messages.length === count) resolve(messages);
    });
    association.on('close', () =>
      reject(new Error(`closed after ${messages.length} of ${count} messages`)),
    );
  });
}

/** Sends back every message as it came. */
export function echo(association: Association): void {
  association.on('message', (data, { stream, ppid, unordered }) => {
    association.send(data, { stream, ppid, unordered });
  });
}

/** Resolves with the first path event that fits. */
export function pathEvent(association: Association, address: string, change: string) {
  return new Promise<void>((resolve) => {
    association.on('path', (event) => {
      if (event.address === address && event.change === change) resolve();
    });
  });
}
