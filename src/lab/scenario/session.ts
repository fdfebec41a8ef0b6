/** Two nodes on two lab hosts with traffic between them, as every scenario has them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import type { ChildProcess } from '../../runtime/child-process.js';
import { systemRuntime } from '../../runtime/index.js';
import type { ProfileName } from '../../timing/profiles.js';
import type { Lab } from '../network/lab.js';
import { analyse, type Delivery } from '../recording/analysis.js';
import { readRecording } from '../recording/read.js';
import type { Recording } from '../recording/recorder.js';
import {
  type NodeEvent,
  type Replies,
  recordingFiles,
  type TrafficCommand,
  type TrafficCounts,
  type TrafficPlan,
  type TrafficReport,
  type TrafficSetup,
} from './protocol.js';

/** Host 1 sends, host 2 receives. */
export const SENDER = 1;
export const RECEIVER = 2;

const PORT = 7500;
const TCP_PORT = 7501;
/** For whatever must happen within a scenario besides its own schedule. */
const PATIENCE_MS = 20_000;

export interface SessionOptions {
  readonly lab: Lab;
  /** Where the recordings go; made where missing. */
  readonly folder: string;
  readonly profile: ProfileName;
  /** Runs the same traffic over TCP on the lab's first plane, too. */
  readonly tcp: boolean;
  readonly maxMessages: number;
  /** Each thing a node reported, with the reporting side and the time in milliseconds on the clock of `process.hrtime`. */
  onEvent(side: 'sender' | 'receiver', event: NodeEvent, atMs: number): void;
  onCounts?(side: 'sender' | 'receiver', counts: TrafficCounts): void;
}

/** What became of the traffic. */
export interface SessionResult {
  readonly sctp: Delivery;
  readonly tcp: Delivery | null;
  readonly replies: Replies;
  readonly received: Recording;
  /** Links that were made after the first one. */
  readonly reconnects: number;
  readonly nodedown: number;
}

type Waiter = { readonly type: TrafficReport['type']; resolve(report: TrafficReport): void };

/** One traffic process and the reports that came from it. */
class Party {
  readonly #child: ChildProcess;
  readonly #waiters = new Set<Waiter>();
  readonly #past: TrafficReport[] = [];
  #failure: LabError | null = null;
  readonly #failed: Promise<never>;

  constructor(
    readonly side: 'sender' | 'receiver',
    child: ChildProcess,
    onReport: (report: TrafficReport) => void,
  ) {
    this.#child = child;
    let fail: (error: LabError) => void;
    this.#failed = new Promise((_, reject) => {
      fail = (error) => {
        this.#failure ??= error;
        reject(error);
      };
    });
    this.#failed.catch(() => {});
    child.on('message', (report: TrafficReport) => {
      if (report.type === 'failed') {
        fail(new LabError('ERR_LAB', `${side}: ${report.code}: ${report.message}`));
        return;
      }
      onReport(report);
      const waiter = [...this.#waiters].find(({ type }) => type === report.type);
      if (waiter === undefined) {
        if (report.type !== 'counts' && report.type !== 'event') this.#past.push(report);
        return;
      }
      this.#waiters.delete(waiter);
      waiter.resolve(report);
    });
    child.once('exit', (code, signal) => {
      fail(new LabError('ERR_LAB', `${side} ended early: ${signal ?? `exit code ${code}`}`));
    });
  }

  command(command: TrafficCommand): void {
    this.#child.send(command);
  }

  /** The next report of a type, also one that has come already. @throws LabError when the process fails first. */
  async report<T extends TrafficReport['type']>(
    type: T,
    withinMs = PATIENCE_MS,
  ): Promise<Extract<TrafficReport, { type: T }>> {
    const past = this.#past.findIndex((each) => each.type === type);
    if (past >= 0) return this.#past.splice(past, 1)[0] as Extract<TrafficReport, { type: T }>;
    if (this.#failure) throw this.#failure;
    let timer: { cancel(): void } | null = null;
    const late = new Promise<never>((_, reject) => {
      timer = systemRuntime.timers.after(withinMs, () => {
        const text = `${this.side}: no report '${type}' within ${withinMs} ms`;
        reject(new LabError('ERR_LAB', text));
      });
    });
    const report = new Promise<TrafficReport>((resolve) => {
      this.#waiters.add({ type, resolve });
    });
    try {
      return (await Promise.race([report, this.#failed, late])) as Extract<
        TrafficReport,
        { type: T }
      >;
    } finally {
      timer!.cancel();
    }
  }
}

/** The number of reports of links that are counted as failures. */
interface Tally {
  nodeup: number;
  nodedown: number;
}

export class TrafficSession {
  readonly #options: SessionOptions;
  readonly #sender: Party;
  readonly #receiver: Party;
  readonly #tally: Record<'sender' | 'receiver', Tally> = {
    sender: { nodeup: 0, nodedown: 0 },
    receiver: { nodeup: 0, nodedown: 0 },
  };
  #arrived: TrafficCounts = { sctp: 0, tcp: 0 };
  #finishing = false;

  private constructor(options: SessionOptions, keyFile: string) {
    this.#options = options;
    this.#receiver = this.#party('receiver', keyFile);
    this.#sender = this.#party('sender', keyFile);
  }

  /** Starts both nodes; resolves when their link is up. @throws LabError ERR_LAB. */
  static async start(options: SessionOptions): Promise<TrafficSession> {
    const secrets = mkdtempSync(path.join(tmpdir(), 'backplane-key-'));
    try {
      const keyFile = path.join(secrets, 'cluster.key');
      const key = systemRuntime.random.bytes(32).toString('base64');
      writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });
      mkdirSync(options.folder, { recursive: true });
      const session = new TrafficSession(options, keyFile);
      await session.#receiver.report('ready');
      await session.#sender.report('ready');
      return session;
    } finally {
      rmSync(secrets, { recursive: true, force: true });
    }
  }

  /** Begins the plan. `startMs` is on the clock of `process.hrtime`; `sent` resolves with the last message. */
  begin(plan: TrafficPlan): { readonly startMs: number; readonly sent: Promise<TrafficCounts> } {
    const startMs = Number(process.hrtime.bigint()) / 1e6;
    this.#receiver.command({ type: 'start', plan });
    this.#sender.command({ type: 'start', plan });
    const patienceMs = Number.isFinite(plan.durationMs) ? plan.durationMs + PATIENCE_MS : 2 ** 30;
    const sent = this.#sender.report('sent', patienceMs).then(({ counts }) => counts);
    return { startMs, sent };
  }

  /** Ends a plan without an end. */
  stop(): void {
    this.#sender.command({ type: 'stop' });
  }

  /**
   * Resolves when everything that was sent has arrived, or after `withinMs`: what is missing then is lost. Messages that
   * TCP still holds back get the same time.
   */
  async settle(sent: TrafficCounts, withinMs: number): Promise<void> {
    const done = () =>
      this.#arrived.sctp >= sent.sctp && (!this.#options.tcp || this.#arrived.tcp >= sent.tcp);
    const deadlineMs = systemRuntime.clock.nowMs() + withinMs;
    while (!done() && systemRuntime.clock.nowMs() < deadlineMs) {
      await this.#receiver.report('counts');
    }
  }

  /** Carries a file; resolves with what was read and what arrived, in `durationMs` or as long as it takes. */
  async carry(file: string, durationMs: number, withinMs: number) {
    this.#sender.command({ type: 'carry', file, durationMs });
    const read = await this.#sender.report('carried', withinMs);
    const arrived = await this.#receiver.report('carried', withinMs);
    return { read, arrived };
  }

  /** Ends both nodes, orderly, and says what became of the messages. */
  async finish(): Promise<SessionResult> {
    this.#finishing = true;
    const { folder, tcp } = this.#options;
    this.#sender.command({ type: 'finish' });
    const { replies } = await this.#sender.report('finished');
    this.#receiver.command({ type: 'finish' });
    await this.#receiver.report('finished');
    const read = (name: keyof typeof recordingFiles) =>
      readRecording(path.join(folder, recordingFiles[name]));
    const received = await read('received');
    return {
      sctp: analyse(await read('sent'), received),
      tcp: tcp ? analyse(await read('tcpSent'), await read('tcpReceived')) : null,
      replies,
      received,
      reconnects: Math.max(this.#tally.sender.nodeup, this.#tally.receiver.nodeup) - 1,
      nodedown: this.#tally.sender.nodedown + this.#tally.receiver.nodedown,
    };
  }

  #party(side: 'sender' | 'receiver', keyFile: string): Party {
    const { lab, profile, folder, maxMessages } = this.#options;
    const [own, other] = side === 'sender' ? [SENDER, RECEIVER] : [RECEIVER, SENDER];
    const setup: TrafficSetup = {
      role: side,
      name: `${side}@${lab.host(own).name}`,
      peer: {
        name: `${side === 'sender' ? 'receiver' : 'sender'}@${lab.host(other).name}`,
        addresses: lab.host(other).addresses,
      },
      planes: lab.cidrs,
      port: PORT,
      keyFile,
      profile,
      tcp: this.#options.tcp ? { address: lab.host(RECEIVER).addresses[0]!, port: TCP_PORT } : null,
      folder,
      maxMessages,
    };
    const script = fileURLToPath(new URL('./traffic.js', import.meta.url));
    const child = lab.host(own).fork(script, [JSON.stringify(setup)]);
    return new Party(side, child, (report) => this.#note(side, report));
  }

  #note(side: 'sender' | 'receiver', report: TrafficReport): void {
    if (report.type === 'counts') {
      if (side === 'receiver') this.#arrived = report.counts;
      this.#options.onCounts?.(side, report.counts);
    }
    if (report.type !== 'event' || this.#finishing) return;
    const { kind } = report.event;
    if (kind === 'nodeup' || kind === 'nodedown') this.#tally[side][kind]++;
    this.#options.onEvent(side, report.event, Number(BigInt(report.atNs)) / 1e6);
  }
}
