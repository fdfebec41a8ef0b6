/**
 * A worker of the scenario `oam`: calls another one, or answers it. A controller has started it,
 * and has no part in what it does.
 */
import * as path from 'node:path';
import { workerNotify } from '../../cluster.js';
import { BackplaneError } from '../../errors.js';
import { type ClusterNode, startNode } from '../../index.js';
import { Recorder } from '../recording/recorder.js';
import {
  type OamWorkerCommand,
  type OamWorkerReport,
  type OamWorkerSetup,
  oamFiles,
} from './oam-protocol.js';
import { Pacer } from './pacer.js';
import { type DoorChannel, enterDoor } from './worker-door.js';

const CALL_TOPIC = 'call';
const FLOOD_TOPIC = 'flood';
const BODY_BYTES = 256;
const CALLS_MAX = 1_000_000;
/** Longer than anything that happens here: a late answer counts as late, not as lost. */
const CALL_DEADLINE_MS = 15_000;
/** Messages of a flood in one turn of the event loop. */
const TURN = 64;
/** Both write a log, of which somebody reads the end. */
const LOG_EVERY_MS = 100;

type Channel = DoorChannel<OamWorkerCommand, OamWorkerReport>;

/** The end that calls. */
class Caller {
  readonly #node: ClusterNode;
  readonly #to: string;
  readonly #called = new Recorder(CALLS_MAX);
  readonly #answered = new Recorder(CALLS_MAX);
  #unanswered = 0;
  #pacer: Pacer | null = null;
  #isFlooding = false;
  #flooded = 0;
  #floodLost = 0;
  /** Calls and messages without an outcome. */
  #open = 0;
  #onIdle: () => void = () => {};

  constructor(node: ClusterNode, to: string) {
    this.#node = node;
    this.#to = to;
    node.on('drain', () => this.#turn());
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  get lastLine(): string {
    return `${this.#answered.count} of ${this.#called.count} calls were answered`;
  }

  begin(callsPerSecond: number): void {
    this.#pacer = new Pacer(callsPerSecond, Number.POSITIVE_INFINITY, {
      send: () => this.#call(),
      done: () => {},
    });
    this.#pacer.start();
  }

  flood(): void {
    this.#isFlooding = true;
    this.#flooded = 0;
    this.#floodLost = 0;
    this.#turn();
  }

  async rest(): Promise<{ readonly flooded: number; readonly floodLost: number }> {
    this.#pacer?.stop();
    this.#pacer = null;
    this.#isFlooding = false;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#settle(0);
    });
    return { flooded: this.#flooded, floodLost: this.#floodLost };
  }

  async save(folder: string): Promise<void> {
    await this.#called.save(path.join(folder, oamFiles.called));
    await this.#answered.save(path.join(folder, oamFiles.answered));
  }

  #call(): void {
    const number = this.#called.count;
    const body = Buffer.alloc(BODY_BYTES);
    body.writeUInt32BE(number, 0);
    this.#open++;
    this.#called.record(number);
    this.#node.call(this.#to, CALL_TOPIC, body, { deadlineMs: CALL_DEADLINE_MS }).then(
      () => {
        this.#answered.record(number);
        this.#settle(1);
      },
      () => {
        this.#unanswered++;
        this.#settle(1);
      },
    );
  }

  #turn(): void {
    let hasRoom = true;
    for (let i = 0; i < TURN && hasRoom && this.#isFlooding; i++) {
      this.#open++;
      this.#flooded++;
      hasRoom = this.#node.send(this.#to, FLOOD_TOPIC, Buffer.alloc(BODY_BYTES), {
        onOutcome: ({ type }) => {
          if (type !== 'delivered') this.#floodLost++;
          this.#settle(1);
        },
      });
    }
    if (hasRoom && this.#isFlooding) setImmediate(() => this.#turn());
  }

  #settle(count: number): void {
    this.#open -= count;
    if (this.#open === 0) this.#onIdle();
  }
}

/** The end that answers. */
class Answerer {
  readonly #taken = new Recorder(CALLS_MAX);

  constructor(node: ClusterNode) {
    node.handle(CALL_TOPIC, (body) => {
      const number = (body as Buffer).readUInt32BE(0);
      this.#taken.record(number);
      return (body as Buffer).subarray(0, 4);
    });
    node.handle(FLOOD_TOPIC, () => {});
  }

  get lastLine(): string {
    return `${this.#taken.count} calls were taken`;
  }

  save(folder: string): Promise<void> {
    return this.#taken.save(path.join(folder, oamFiles.taken));
  }
}

async function start(setup: OamWorkerSetup, channel: Channel): Promise<void> {
  const { name, planes, port, keyFile, profile, peers, folder } = setup;
  const notify = await workerNotify();
  const node = await startNode({ name, planes, port, keyFile, profile });
  let linked = 0;
  let nodedown = 0;
  node.on('nodeup', () => void linked++);
  node.on('nodedown', () => void nodedown++);
  const [peer] = peers;
  const caller = peer === undefined ? null : new Caller(node, peer.name);
  const answerer = caller === null ? new Answerer(node) : null;
  if (peer !== undefined) await node.connect(peer);
  const obey = async (command: OamWorkerCommand): Promise<void> => {
    switch (command.type) {
      case 'begin':
        return caller?.begin(command.callsPerSecond);
      case 'flood':
        return caller?.flood();
      case 'rest': {
        const rested = await caller?.rest();
        return channel.report({ type: 'rested', flooded: 0, floodLost: 0, ...rested });
      }
      case 'finish': {
        // The other one may be first.
        const unanswered = caller?.unanswered ?? 0;
        const links = { linked, nodedown };
        await (caller ?? answerer)?.save(folder);
        channel.report({ type: 'finished', ...links, unanswered });
        await node.close();
        channel.close();
      }
    }
  };
  channel.onCommand = (command) => void obey(command).catch(failing(channel));
  setInterval(() => console.log((caller ?? answerer)?.lastLine), LOG_EVERY_MS);
  notify?.ready();
  channel.report({ type: 'ready' });
}

function failing(channel: Channel): (error: unknown) => void {
  return (error) => {
    const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    channel.report({ type: 'failed', code, message });
  };
}

async function main(): Promise<void> {
  const setup = JSON.parse(process.argv[2]!) as OamWorkerSetup;
  const channel = await enterDoor<OamWorkerCommand, OamWorkerReport>(setup.socket, setup.name);
  await start(setup, channel).catch(failing(channel));
}

// Who cannot tell the scenario tells the log.
main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
