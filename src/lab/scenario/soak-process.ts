/** One process of the scenario `soak`: a node that sends, or one that receives. */
import { BackplaneError, LabError } from '../../errors.js';
import { type ClusterNode, startNode } from '../../index.js';
import type { NodeEvent } from './protocol.js';
import { SoakLedger } from './soak-ledger.js';
import {
  SOAK_KEYS,
  SOAK_TOPIC,
  type SoakCommand,
  type SoakReport,
  type SoakSetup,
  type SoakTally,
} from './soak-protocol.js';

const COUNT_EVERY_MS = 200;
const COLLECT_EVERY_BYTES = 2 * 1024 * 1024;
/** Messages of one turn of the event loop. */
const TURN = 64;
/** Key (2 bytes) and number within the key (4 bytes). */
const HEAD_BYTES = 6;

const NOTHING: SoakTally = {
  sent: 0,
  undelivered: 0,
  received: 0,
  duplicated: 0,
  reordered: 0,
  longestGapMs: 0,
};

function report(message: SoakReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  report({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
}

/** A generator of whole numbers that replays (xorshift, 32 bits). */
class Dice {
  #state = 0x9e3779b9;

  /** From 0 to below `count`. */
  roll(count: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % count;
  }

  /** 90 % from 64 to 256 bytes, 9 % of 1 KiB, 1 % from 16 to 64 KiB. */
  bytes(): number {
    const percent = this.roll(100);
    if (percent < 90) return 64 + this.roll(193);
    return percent < 99 ? 1024 : 16 * 1024 + this.roll(48 * 1024 + 1);
  }
}

/**
 * Collects garbage as messages go, because garbage is no leak. V8 leaves up to 64 MiB of received
 * data uncollected, and the addon keeps that memory for later: without this, what is resident says
 * how late garbage once was collected.
 */
class Collector {
  #bytes = 0;

  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY_BYTES) return;
    this.#bytes = 0;
    globalThis.gc?.();
  }
}

interface Soaking {
  begin(): void;
  readonly count: number;
  readonly tally: SoakTally;
}

class SoakSender implements Soaking {
  readonly #node: ClusterNode;
  readonly #setup: SoakSetup;
  readonly #dice = new Dice();
  readonly #collector = new Collector();
  readonly #numbers = new Array<number>(SOAK_KEYS).fill(0);
  #sent = 0;
  #settled = 0;
  #undelivered = 0;

  constructor(node: ClusterNode, setup: SoakSetup) {
    this.#node = node;
    this.#setup = setup;
    node.on('drain', () => this.#turn());
  }

  begin(): void {
    this.#turn();
  }

  get count(): number {
    return this.#sent;
  }

  get tally(): SoakTally {
    return { ...NOTHING, sent: this.#sent, undelivered: this.#undelivered };
  }

  #turn(): void {
    let hasRoom = true;
    for (let i = 0; i < TURN && hasRoom && this.#sent < this.#setup.messages; i++) {
      hasRoom = this.#send();
    }
    if (hasRoom && this.#sent < this.#setup.messages) setImmediate(() => this.#turn());
  }

  #send(): boolean {
    const key = this.#dice.roll(SOAK_KEYS);
    const body = Buffer.alloc(this.#dice.bytes());
    this.#collector.note(body.length);
    body.writeUInt16BE(key, 0);
    body.writeUInt32BE(this.#numbers[key]!++, 2);
    this.#sent++;
    return this.#node.send(this.#setup.peer.name, SOAK_TOPIC, body, {
      orderKey: `key${key}`,
      onOutcome: ({ type }) => {
        if (type !== 'delivered') this.#undelivered++;
        if (++this.#settled === this.#setup.messages) report({ type: 'settled' });
      },
    });
  }
}

class SoakReceiver implements Soaking {
  readonly #ledger = new SoakLedger(SOAK_KEYS);
  readonly #collector = new Collector();
  #lastMs = Number.POSITIVE_INFINITY;
  #longestGapMs = 0;

  constructor(node: ClusterNode) {
    node.handle(SOAK_TOPIC, (body) => this.#note(body as Buffer));
  }

  begin(): void {}

  get count(): number {
    return this.#ledger.received;
  }

  get tally(): SoakTally {
    const { received, duplicated, reordered } = this.#ledger;
    return { ...NOTHING, received, duplicated, reordered, longestGapMs: this.#longestGapMs };
  }

  #note(body: Buffer): void {
    if (body.length < HEAD_BYTES) throw new LabError('ERR_LAB', 'a message without its numbers');
    this.#ledger.note(body.readUInt16BE(0), body.readUInt32BE(2));
    this.#collector.note(body.length);
    const nowMs = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}

function reportEvents(node: ClusterNode): void {
  const tell = (event: NodeEvent) => report({ type: 'event', event });
  node.on('nodeup', ({ name }) => tell({ kind: 'nodeup', node: name }));
  node.on('nodedown', ({ name, reason }) => tell({ kind: 'nodedown', node: name, reason }));
  node.on('redundancy', ({ name, state }) => tell({ kind: 'redundancy', node: name, state }));
}

async function obey(node: ClusterNode, soaking: Soaking, command: SoakCommand): Promise<void> {
  switch (command.type) {
    case 'begin':
      soaking.begin();
      setInterval(() => report({ type: 'count', count: soaking.count }), COUNT_EVERY_MS).unref();
      return;
    case 'measure':
      report({ type: 'resident', bytes: process.memoryUsage.rss() });
      return;
    case 'finish':
      report({ type: 'finished', ...soaking.tally });
      await node.close();
      process.disconnect();
  }
}

async function main(): Promise<void> {
  const setup = JSON.parse(process.argv[2]!) as SoakSetup;
  // A scenario that dies takes its processes with it.
  process.on('disconnect', () => process.exit(0));
  const { role, name, planes, port, keyFile, profile, peer } = setup;
  const node = await startNode({ name, planes, port, keyFile, profile });
  reportEvents(node);
  node.on('handlerError', ({ error }) => reportFailure(error));
  const soaking = role === 'sender' ? new SoakSender(node, setup) : new SoakReceiver(node);
  process.on('message', (command: SoakCommand) => {
    obey(node, soaking, command).catch(reportFailure);
  });
  if (role === 'sender') await node.connect({ ...peer, port });
  report({ type: 'ready' });
}

main().catch((error: unknown) => {
  reportFailure(error);
  process.exitCode = 1;
});
