/**
 * A traffic process with one node on one lab host: numbered messages over the link, one in some a
 * call.
 */
import * as path from 'node:path';
import { type ClusterNode, startNode } from '../../index.js';
import { Recorder } from '../recording/recorder.js';
import { carryFile, receiveFile } from './carry.js';
import {
  type NodeEvent,
  type PlaneCommand,
  type Replies,
  repliesFile,
  type TrafficSetup,
} from './protocol.js';
import {
  report,
  reportFailure,
  SendingTraffic,
  serveTraffic,
  Traffic,
  WARM_UP_NUMBER,
} from './traffic-process.js';

/**
 * Calls wait longer than any outage a scenario makes, so that a late reply counts as late and not
 * as lost.
 */
const CALL_DEADLINE_MS = 15_000;

const TOPIC = 'tick';

/**
 * Passes on what the node sees, with the time of this process's clock, which all processes of one
 * kernel share.
 */
function reportEvents(node: ClusterNode): void {
  const tell = (event: NodeEvent) =>
    report({ type: 'event', atNs: String(process.hrtime.bigint()), event });
  node.on('nodeup', ({ name }) => tell({ kind: 'nodeup', node: name }));
  node.on('nodedown', ({ name, reason }) => tell({ kind: 'nodedown', node: name, reason }));
  node.on('stalled', ({ name }) => tell({ kind: 'stalled', node: name }));
  node.on('resumed', ({ name }) => tell({ kind: 'resumed', node: name }));
  node.on('path', ({ name, plane, change, figures }) => {
    const reasons = figures === undefined ? {} : { reasons: figures.reasons };
    tell({ kind: 'path', node: name, plane, change, ...reasons });
  });
  node.on('planeDeferred', ({ name, code }) => tell({ kind: 'planeDeferred', node: name, code }));
  node.on('redundancy', ({ name, state }) => tell({ kind: 'redundancy', node: name, state }));
}

/** Does it at this end. */
function changePlane(node: ClusterNode, { change, name, cidr }: PlaneCommand): void {
  const { deferred } = change === 'add' ? node.addPlane(name, cidr) : node.removePlane(name);
  report({ type: 'plane', deferred });
}

class LinkSender extends SendingTraffic {
  readonly #node: ClusterNode;
  #asked = 0;
  #answered = 0;
  #isWarm = false;
  readonly #replies: Recorder | null;

  constructor(setup: TrafficSetup, node: ClusterNode) {
    super(setup);
    this.#node = node;
    this.#replies = setup.recordsReplies === true ? new Recorder(setup.maxMessages) : null;
  }

  override get replies(): Replies {
    return { asked: this.#asked, answered: this.#answered };
  }

  override async prepare(): Promise<void> {
    const { peer, port } = this.setup;
    await this.#node.connect({ name: peer.name, addresses: peer.addresses, port });
    await this.warmUp();
  }

  protected override forgetReplies(): void {
    this.#asked = 0;
    this.#answered = 0;
    this.#isWarm = true;
  }

  protected override send(body: Buffer, wantsReply: boolean): void {
    const to = this.setup.peer.name;
    if (!wantsReply) {
      this.#node.send(to, TOPIC, body);
      return;
    }
    this.#asked++;
    const counts = this.#isWarm;
    this.#node.call(to, TOPIC, body, { deadlineMs: CALL_DEADLINE_MS }).then(() => {
      if (!counts) return;
      this.#answered++;
      this.#replies?.record(body.readUInt32BE(0));
    }, reportFailure);
  }

  override async carry(file: string, durationMs: number): Promise<void> {
    const carried = await carryFile(this.#node, this.setup.peer.name, file, durationMs);
    report({ type: 'carried', ...carried });
  }

  override changePlane(command: PlaneCommand): void {
    changePlane(this.#node, command);
  }

  override async close(): Promise<void> {
    await this.#node.close();
    await this.#replies?.save(path.join(this.setup.folder, repliesFile));
  }
}

class LinkReceiver extends Traffic {
  readonly #node: ClusterNode;

  constructor(setup: TrafficSetup, node: ClusterNode) {
    super(setup);
    this.#node = node;
  }

  override async prepare(): Promise<void> {
    this.#node.handle(TOPIC, (body) => {
      const message = body as Buffer;
      const number = message.readUInt32BE(0);
      if (number !== WARM_UP_NUMBER) this.recorder.record(number);
      return message.subarray(0, 4);
    });
    const { folder } = this.setup;
    receiveFile(this.#node, folder, (carried) => report({ type: 'carried', ...carried }));
  }

  override changePlane(command: PlaneCommand): void {
    changePlane(this.#node, command);
  }

  override async close(): Promise<void> {
    await this.#node.close();
  }
}

serveTraffic(async (setup) => {
  const { name, planes, port, keyFile, profile, role } = setup;
  const node = await startNode({ name, planes, port, keyFile, profile, ...setup.node });
  reportEvents(node);
  return role === 'sender' ? new LinkSender(setup, node) : new LinkReceiver(setup, node);
});
