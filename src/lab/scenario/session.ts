/** Two nodes on two lab hosts with traffic between them, as every scenario has them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemRuntime } from '../../runtime/index.js';
import type { ProfileName } from '../../timing/profiles.js';
import type { Lab } from '../network/lab.js';
import { analyse, type Delivery } from '../recording/analysis.js';
import { readRecording } from '../recording/read.js';
import type { Recording } from '../recording/recorder.js';
import { endOf, writeKeyFile } from './ends.js';
import { PATIENCE_MS, Party } from './party.js';
import {
  type NodeEvent,
  type Replies,
  type Role,
  recordingFile,
  type TrafficPlan,
  type TrafficSetup,
  type TransportName,
} from './protocol.js';

const PORTS: Readonly<Record<TransportName, number>> = { link: 7500, tcp: 7501 };

export interface SessionOptions {
  readonly lab: Lab;
  /** Where the recordings go; made where missing. */
  readonly folder: string;
  readonly profile: ProfileName;
  /** Runs the same traffic over TCP on the lab's first plane, too. */
  readonly tcp: boolean;
  readonly maxMessages: number;
  /** Options of both nodes over the others. */
  readonly node?: TrafficSetup['node'];
  /** Whether replies are recorded, in `repliesFile`. Default false. */
  readonly recordsReplies?: boolean;
  /** Each thing a node reported, with the time in milliseconds on the clock of `process.hrtime`. */
  onEvent(side: Role, event: NodeEvent, atMs: number): void;
}

/** What became of the traffic of a session. */
export interface SessionResult {
  readonly sctp: Delivery;
  readonly tcp: Delivery | null;
  readonly replies: Replies;
  readonly received: Recording;
  /** Links that were made after the first one. */
  readonly reconnects: number;
  readonly nodedown: number;
}

/** Both ends of one transport. */
interface Pair {
  readonly transport: TransportName;
  readonly sender: Party;
  readonly receiver: Party;
}

export class TrafficSession {
  readonly #options: SessionOptions;
  /** The link's, then that of TCP where it is wanted. */
  #pairs: readonly Pair[] = [];
  readonly #nodeups: Record<Role, number> = { sender: 0, receiver: 0 };
  #nodedowns = 0;
  #finishing = false;

  private constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * Starts both nodes; resolves when their link is up.
   * @throws LabError ERR_LAB when one fails.
   */
  static async start(options: SessionOptions): Promise<TrafficSession> {
    const secrets = mkdtempSync(path.join(tmpdir(), 'backplane-key-'));
    try {
      const keyFile = path.join(secrets, 'cluster.key');
      writeKeyFile(keyFile);
      mkdirSync(options.folder, { recursive: true });
      const session = new TrafficSession(options);
      const transports: readonly TransportName[] = options.tcp ? ['link', 'tcp'] : ['link'];
      session.#pairs = await Promise.all(
        transports.map((transport) => session.#pair(transport, keyFile)),
      );
      return session;
    } finally {
      rmSync(secrets, { recursive: true, force: true });
    }
  }

  /** Begins the plan on all transports. `startMs` is on the clock of `process.hrtime`. */
  begin(plan: TrafficPlan): { readonly startMs: number } {
    const startMs = Number(process.hrtime.bigint()) / 1e6;
    for (const { sender, receiver } of this.#pairs) {
      receiver.command({ type: 'begin', plan });
      sender.command({ type: 'begin', plan });
    }
    return { startMs };
  }

  /** Ends a plan that has no end. */
  stop(): void {
    for (const { sender } of this.#pairs) sender.command({ type: 'stop' });
  }

  /**
   * Resolves when everything was sent and has arrived, or `withinMs` after the last was sent: what
   * is missing then is lost.
   * @param planMs how long sending may still take
   */
  async settle(planMs: number, withinMs: number): Promise<void> {
    await Promise.all(
      this.#pairs.map(async ({ sender, receiver }) => {
        const { count } = await sender.report('sent', planMs + PATIENCE_MS);
        const deadlineMs = systemRuntime.clock.nowMs() + withinMs;
        while (receiver.count < count && systemRuntime.clock.nowMs() < deadlineMs) {
          await receiver.report('count');
        }
      }),
    );
  }

  /** Messages that have arrived so far. */
  get arrived(): { readonly sctp: number; readonly tcp: number } {
    const [link, tcp] = this.#pairs;
    return { sctp: link?.receiver.count ?? 0, tcp: tcp?.receiver.count ?? 0 };
  }

  /**
   * Carries a file over the link, in `durationMs` or as long as it takes; resolves with both ends'
   * digests.
   */
  async carry(file: string, durationMs: number, withinMs: number) {
    const { sender, receiver } = this.#pairs[0]!;
    sender.command({ type: 'carry', file, durationMs });
    const read = await sender.report('carried', withinMs);
    const arrived = await receiver.report('carried', withinMs);
    return { read, arrived };
  }

  /** Puts the node of one end on a plane, or takes it off; resolves when it has been done there. */
  async changePlane(side: Role, change: 'add' | 'remove', name: string) {
    const party = this.#pairs[0]![side];
    const cidr = this.#options.lab.cidrs[name] ?? '';
    party.command({ type: 'plane', change, name, cidr });
    return party.report('plane');
  }

  /** Ends both nodes, orderly, and says what became of the messages. */
  async finish(): Promise<SessionResult> {
    this.#finishing = true;
    const [link, tcp] = await Promise.all(this.#pairs.map((pair) => this.#finish(pair)));
    return {
      sctp: link!.delivery,
      tcp: tcp?.delivery ?? null,
      replies: link!.replies,
      received: link!.received,
      reconnects: Math.max(this.#nodeups.sender, this.#nodeups.receiver) - 1,
      nodedown: this.#nodedowns,
    };
  }

  async #finish({ transport, sender, receiver }: Pair) {
    sender.command({ type: 'finish' });
    const { replies } = await sender.report('finished');
    receiver.command({ type: 'finish' });
    await receiver.report('finished');
    const read = (role: Role) =>
      readRecording(path.join(this.#options.folder, recordingFile(transport, role)));
    const received = await read('receiver');
    return { delivery: analyse(await read('sender'), received), replies, received };
  }

  /** The receiver listens first: TCP is refused otherwise, and does not try again. */
  async #pair(transport: TransportName, keyFile: string): Promise<Pair> {
    const receiver = this.#party(transport, 'receiver', keyFile);
    await receiver.report('ready');
    const sender = this.#party(transport, 'sender', keyFile);
    await sender.report('ready');
    return { transport, sender, receiver };
  }

  #party(transport: TransportName, role: Role, keyFile: string): Party {
    const { lab, profile, folder, maxMessages, node, recordsReplies } = this.#options;
    const { host, end } = endOf(lab, role);
    const { name, peer, planes, addresses } = end;
    const setup: TrafficSetup = {
      transport,
      role,
      name,
      peer,
      planes,
      address: addresses[0]!,
      port: PORTS[transport],
      keyFile,
      profile,
      folder,
      maxMessages,
      ...(node === undefined ? {} : { node }),
      ...(recordsReplies === undefined ? {} : { recordsReplies }),
    };
    const script = fileURLToPath(new URL(`./${transport}-process.js`, import.meta.url));
    const child = host.fork(script, [JSON.stringify(setup)]);
    return new Party(`${transport} ${role}`, child, ({ event, atNs }) => {
      if (!this.#finishing) this.#note(role, event, Number(BigInt(atNs)) / 1e6);
    });
  }

  #note(role: Role, event: NodeEvent, atMs: number): void {
    if (event.kind === 'nodeup') this.#nodeups[role]++;
    if (event.kind === 'nodedown') this.#nodedowns++;
    this.#options.onEvent(role, event, atMs);
  }
}
