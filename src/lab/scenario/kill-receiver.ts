/** The end that is killed: it writes down every message inside its handler. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError, SctpError } from '../../errors.js';
import type { ClusterNode } from '../../node/node.js';
import { connect } from '../../sctp/index.js';
import {
  HANDLED_BYTES,
  type KillCommand,
  type KillReport,
  type KillSetup,
  TOPIC,
} from './kill-protocol.js';
import type { WatchedTransport } from './watched-transport.js';

/** What a role is made of. */
export interface KillRoleSetup {
  readonly setup: KillSetup;
  readonly transport: WatchedTransport;
  report(report: KillReport): void;
  startNode(): Promise<ClusterNode>;
}

/** The kernel may need so long to let go of the port of a process that was killed. */
const PORT_FREE_MS = 5000;
const PORT_POLL_MS = 20;
/** The planes are healed soon after the dialling has begun. */
const TAKING = { maxAttempts: 30, maxTimeoutMs: 100 };

/** Does what needs the port, again while it is taken. */
async function whenPortIsFree<T>(work: () => T | Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += PORT_POLL_MS) {
    try {
      return await work();
    } catch (error) {
      const isTaken = error instanceof SctpError && error.code === 'ERR_PORT_IN_USE';
      if (!isTaken || waitedMs >= PORT_FREE_MS) throw error;
    }
    await delay(PORT_POLL_MS);
  }
}

export class KillReceiver {
  readonly #own: KillRoleSetup;
  /** Appending: write(2) is done when it returns, and outlives the process. */
  readonly #file: number;
  readonly #record = Buffer.alloc(HANDLED_BYTES);
  #node: ClusterNode | null = null;
  #link = 0;

  constructor(own: KillRoleSetup) {
    this.#own = own;
    this.#file = openSync(own.setup.handledFile, 'a');
  }

  async obey(command: KillCommand): Promise<void> {
    switch (command.type) {
      case 'start':
        return this.#start();
      case 'restart':
        await this.#take(command.localPort, command.port);
        return this.#start();
      case 'abort':
        return this.#own.transport.abortAll();
      case 'finish':
        await this.#node?.close();
        this.#own.report({ type: 'finished', repeated: 0 });
        process.disconnect();
        return;
      default:
        throw new LabError('ERR_LAB', `a receiver does not ${command.type}`);
    }
  }

  async #start(): Promise<void> {
    const node = await whenPortIsFree(() => this.#own.startNode());
    this.#node = node;
    node.handle(TOPIC, (body) => this.#handle(body as Buffer));
    node.on('nodeup', ({ linkNumber }) => {
      this.#link = linkNumber;
    });
    node.on('nodedown', () => {
      this.#link = 0;
    });
    const { peer, port } = this.#own.setup;
    // It may be closed while it still dials.
    node.connect({ ...peer, port }).catch(() => {});
  }

  #handle(body: Buffer): void {
    body.copy(this.#record, 0, 0, 8);
    this.#record.writeUInt32BE(this.#link, 8);
    writeSync(this.#file, this.#record);
  }

  /** RFC 9260, 5.2.4: the peer takes our INIT for a restart and sees no end of the association. */
  async #take(localPort: number, port: number): Promise<void> {
    const { setup, report } = this.#own;
    const association = await whenPortIsFree(() =>
      connect({
        addresses: setup.peer.addresses,
        localAddresses: setup.addresses,
        localPort,
        port,
        rto: { initialMs: 50, minMs: 50, maxMs: 100 },
        init: TAKING,
      }),
    );
    report({ type: 'taking' });
    // Up, and then lost: the peer has no use for an association that restarted.
    await new Promise<void>((resolve) => void association.once('close', resolve));
  }
}
