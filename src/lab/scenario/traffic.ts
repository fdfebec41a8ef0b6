/**
 * A traffic process: one node on one lab host. The sender gives its peer numbered messages at a steady rate over the
 * link and, beside it, over TCP; the receiver answers calls. Both record every message with its time.
 */
import * as path from 'node:path';
import { BackplaneError } from '../../errors.js';
import { type ClusterNode, startNode } from '../../index.js';
import { Recorder } from '../recording/recorder.js';
import { carryFile, receiveFile } from './carry.js';
import { Pacer } from './pacer.js';
import {
  type NodeEvent,
  recordingFiles,
  type TrafficCommand,
  type TrafficPlan,
  type TrafficReport,
  type TrafficSetup,
} from './protocol.js';
import { connectTcp, listenTcp, type TcpPeer } from './tcp-traffic.js';

/** How often the counts go to the scenario. */
const COUNTS_EVERY_MS = 200;
/** Calls wait longer than any outage a scenario makes, so that a late reply counts as late and not as lost. */
const CALL_DEADLINE_MS = 15_000;

function report(message: TrafficReport): void {
  process.send?.(message);
}

/** Passes on what the node sees, with the time of this process's clock, which all processes of one kernel share. */
function reportEvents(node: ClusterNode): void {
  const tell = (event: NodeEvent) =>
    report({ type: 'event', atNs: String(process.hrtime.bigint()), event });
  node.on('nodeup', ({ name }) => tell({ kind: 'nodeup', node: name }));
  node.on('nodedown', ({ name, reason }) => tell({ kind: 'nodedown', node: name, reason }));
  node.on('stalled', ({ name }) => tell({ kind: 'stalled', node: name }));
  node.on('resumed', ({ name }) => tell({ kind: 'resumed', node: name }));
  node.on('path', ({ name, plane, change }) =>
    tell({ kind: 'path', node: name, plane: plane ?? '?', change }),
  );
  node.on('redundancy', ({ name, state }) => tell({ kind: 'redundancy', node: name, state }));
}

/** Numbers of messages sent or received on each transport, with their times. */
class Recordings {
  readonly sctp: Recorder;
  readonly tcp: Recorder;

  constructor(maxMessages: number) {
    this.sctp = new Recorder(maxMessages);
    this.tcp = new Recorder(maxMessages);
  }

  get counts() {
    return { sctp: this.sctp.count, tcp: this.tcp.count };
  }
}

abstract class Traffic {
  protected readonly recordings: Recordings;
  #counting: NodeJS.Timeout | undefined;

  constructor(
    protected readonly setup: TrafficSetup,
    protected readonly node: ClusterNode,
  ) {
    this.recordings = new Recordings(setup.maxMessages);
  }

  abstract prepare(): Promise<void>;

  async command(command: TrafficCommand): Promise<void> {
    switch (command.type) {
      case 'start':
        return this.start(command.plan);
      case 'stop':
        return this.stop();
      case 'carry':
        return this.carry(command.file, command.durationMs);
      case 'finish':
        return this.finish();
    }
  }

  protected start(_plan: TrafficPlan): void {
    this.#counting ??= setInterval(
      () => report({ type: 'counts', counts: this.recordings.counts }),
      COUNTS_EVERY_MS,
    );
  }

  protected stop(): void {}
  protected abstract carry(file: string, durationMs: number): Promise<void>;
  protected abstract finish(): Promise<void>;

  protected async close(files: { sctp: string; tcp: string }): Promise<void> {
    clearInterval(this.#counting);
    const { folder } = this.setup;
    await this.recordings.sctp.save(path.join(folder, files.sctp));
    if (this.setup.tcp) await this.recordings.tcp.save(path.join(folder, files.tcp));
    await this.node.close();
  }
}

class Sender extends Traffic {
  #tcp: TcpPeer | null = null;
  #pacer: Pacer | null = null;
  #asked = 0;
  #answered = 0;

  override async prepare(): Promise<void> {
    const { peer, port, tcp } = this.setup;
    await this.node.connect({ name: peer.name, addresses: peer.addresses, port });
    report({ type: 'linked' });
    if (tcp) this.#tcp = await connectTcp(tcp.address, tcp.port, () => {});
  }

  protected override start(plan: TrafficPlan): void {
    super.start(plan);
    const body = Buffer.alloc(plan.bodyBytes);
    this.#pacer = new Pacer(plan.messagesPerSecond, plan.durationMs, {
      send: (number) => this.#send(number, body, number % plan.replyEvery === 0),
      done: (startNs) =>
        report({ type: 'sent', startNs: String(startNs), counts: this.recordings.counts }),
    });
    this.#pacer.start();
  }

  protected override stop(): void {
    this.#pacer?.stop();
  }

  #send(number: number, body: Buffer, wantsReply: boolean): void {
    body.writeUInt32BE(number, 0);
    const { peer } = this.setup;
    this.recordings.sctp.record(number);
    if (wantsReply) this.#call(Buffer.from(body));
    else this.node.send(peer.name, 'tick', Buffer.from(body));
    if (this.#tcp && !this.#tcp.failed) {
      this.recordings.tcp.record(number);
      this.#tcp.send(body);
    }
  }

  #call(body: Buffer): void {
    this.#asked++;
    this.node.call(this.setup.peer.name, 'tick', body, { deadlineMs: CALL_DEADLINE_MS }).then(
      () => {
        this.#answered++;
      },
      (error: unknown) => reportFailure(error),
    );
  }

  protected override async carry(file: string, durationMs: number): Promise<void> {
    const carried = await carryFile(this.node, this.setup.peer.name, file, durationMs);
    report({ type: 'carried', ...carried });
  }

  protected override async finish(): Promise<void> {
    this.#pacer?.stop();
    this.#tcp?.close();
    await this.close({ sctp: recordingFiles.sent, tcp: recordingFiles.tcpSent });
    report({
      type: 'finished',
      replies: { asked: this.#asked, answered: this.#answered },
    });
  }
}

class Receiver extends Traffic {
  #tcp: { close(): void } | null = null;

  override async prepare(): Promise<void> {
    this.node.handle('tick', (body) => {
      const message = body as Buffer;
      this.recordings.sctp.record(message.readUInt32BE(0));
      return message.subarray(0, 4);
    });
    receiveFile(this.node, this.setup.folder, (carried) => report({ type: 'carried', ...carried }));
    const { tcp } = this.setup;
    if (!tcp) return;
    this.#tcp = await listenTcp(tcp.address, tcp.port, (message, peer) => {
      const number = message.readUInt32BE(0);
      this.recordings.tcp.record(number);
      // The same share of answers as over the link.
      if (number % 10 === 0) peer.send(message.subarray(0, 4));
    });
  }

  protected override async carry(): Promise<void> {
    // The receiver is told nothing beforehand: the file announces itself.
  }

  protected override async finish(): Promise<void> {
    this.#tcp?.close();
    await this.close({ sctp: recordingFiles.received, tcp: recordingFiles.tcpReceived });
    report({ type: 'finished', replies: { asked: 0, answered: 0 } });
  }
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  report({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
}

async function main(): Promise<void> {
  const setup = JSON.parse(process.argv[2]!) as TrafficSetup;
  const { name, planes, port, keyFile, profile } = setup;
  const node = await startNode({ name, planes, port, keyFile, profile });
  reportEvents(node);
  const traffic = setup.role === 'sender' ? new Sender(setup, node) : new Receiver(setup, node);
  process.on('message', (command: TrafficCommand) => {
    traffic
      .command(command)
      .then(() => {
        if (command.type === 'finish') process.disconnect();
      })
      .catch(reportFailure);
  });
  // A scenario that dies takes its processes with it.
  process.on('disconnect', () => process.exit(0));
  await traffic.prepare();
  report({ type: 'ready', engine: 'kernel' });
}

main().catch((error: unknown) => {
  reportFailure(error);
  process.exitCode = 1;
});
