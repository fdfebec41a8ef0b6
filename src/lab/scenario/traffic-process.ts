/**
 * What all traffic processes have in common: they record, they count, they do what the scenario
 * tells them.
 */
import * as path from 'node:path';
import { BackplaneError } from '../../errors.js';
import { Recorder } from '../recording/recorder.js';
import { Pacer } from './pacer.js';
import {
  type PlaneCommand,
  type Replies,
  recordingFile,
  type TrafficCommand,
  type TrafficPlan,
  type TrafficReport,
  type TrafficSetup,
} from './protocol.js';

/** How often the count goes to the scenario. */
const COUNT_EVERY_MS = 200;

/** Tells the scenario. */
export function report(message: TrafficReport): void {
  process.send?.(message);
}

export function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  report({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
}

/** One end of one transport. */
export abstract class Traffic {
  protected readonly recorder: Recorder;
  protected readonly setup: TrafficSetup;
  protected plan: TrafficPlan | null = null;
  #counting: NodeJS.Timeout | undefined;

  constructor(setup: TrafficSetup) {
    this.setup = setup;
    this.recorder = new Recorder(setup.maxMessages);
  }

  /** Resolves when traffic may begin. */
  abstract prepare(): Promise<void>;
  /** Ends the transport. */
  abstract close(): Promise<void>;

  get replies(): Replies {
    return { asked: 0, answered: 0 };
  }

  begin(plan: TrafficPlan): void {
    this.plan = plan;
    this.#counting ??= setInterval(() => this.#tellCount(), COUNT_EVERY_MS);
  }

  stop(): void {}

  changePlane(_command: PlaneCommand): void {
    throw new TypeError('this process has one plane for good');
  }

  async carry(_file: string, _durationMs: number): Promise<void> {
    throw new TypeError('this process carries no files');
  }

  async finish(): Promise<void> {
    clearInterval(this.#counting);
    const { folder, role, transport } = this.setup;
    await this.recorder.save(path.join(folder, recordingFile(transport, role)));
    await this.close();
    report({ type: 'finished', replies: this.replies });
  }

  #tellCount(): void {
    report({ type: 'count', count: this.recorder.count });
  }
}

/** The number of messages that come before the traffic, and are not recorded. */
export const WARM_UP_NUMBER = 0xffffffff;
/**
 * In its first two seconds an engine compiles what it runs and grows its heap: five processes on
 * one processor kept one another waiting for up to 250 ms there, with every network in order.
 */
const WARM_UP_MS = 3000;
const WARM_UP_PER_SECOND = 1000;
const WARM_UP_BYTES = 64;

/** The end that sends: numbered messages at the plan's pace. */
export abstract class SendingTraffic extends Traffic {
  #pacer: Pacer | null = null;

  /** Forgets the replies to messages of the warm-up. */
  protected abstract forgetReplies(): void;

  /** Traffic like that to come, with a connection that stands; resolves when it is over. */
  protected async warmUp(): Promise<void> {
    const body = Buffer.alloc(WARM_UP_BYTES);
    body.writeUInt32BE(WARM_UP_NUMBER, 0);
    await new Promise<void>((resolve) => {
      const pacer = new Pacer(WARM_UP_PER_SECOND, WARM_UP_MS, {
        send: (number) => this.send(body, number % 10 === 0),
        done: () => resolve(),
      });
      pacer.start();
    });
    this.forgetReplies();
  }

  /**
   * Sends one message; its number stands in the first 4 bytes of `body`, which the transport may
   * keep.
   */
  protected abstract send(body: Buffer, wantsReply: boolean): void;

  override begin(plan: TrafficPlan): void {
    super.begin(plan);
    this.#pacer = new Pacer(plan.messagesPerSecond, plan.durationMs, {
      send: (number) => {
        const body = Buffer.alloc(plan.bodyBytes);
        body.writeUInt32BE(number, 0);
        this.recorder.record(number);
        this.send(body, number % plan.replyEvery === 0);
      },
      done: () => report({ type: 'sent', count: this.recorder.count }),
    });
    this.#pacer.start();
  }

  override stop(): void {
    this.#pacer?.stop();
  }

  override async finish(): Promise<void> {
    this.stop();
    await super.finish();
  }
}

async function obey(traffic: Traffic, command: TrafficCommand): Promise<void> {
  switch (command.type) {
    case 'begin':
      return traffic.begin(command.plan);
    case 'stop':
      return traffic.stop();
    case 'plane':
      return traffic.changePlane(command);
    case 'carry':
      return traffic.carry(command.file, command.durationMs);
    case 'finish':
      await traffic.finish();
      process.disconnect();
  }
}

/**
 * Runs one end as this process: `make` gives it the setup, which is the only argument of the
 * command line.
 */
export function serveTraffic(make: (setup: TrafficSetup) => Promise<Traffic>): void {
  const setup = JSON.parse(process.argv[2]!) as TrafficSetup;
  // A scenario that dies takes its processes with it.
  process.on('disconnect', () => process.exit(0));
  make(setup)
    .then(async (traffic) => {
      process.on('message', (command: TrafficCommand) => {
        obey(traffic, command).catch(reportFailure);
      });
      await traffic.prepare();
      report({ type: 'ready' });
    })
    .catch((error: unknown) => {
      reportFailure(error);
      process.exitCode = 1;
    });
}
