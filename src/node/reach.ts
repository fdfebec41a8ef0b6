/** Drives `Reachability`: carries its reports over the links and tells what it finds. */
import debug from 'debug';
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { Runtime } from '../runtime/index.js';
import { encodeBody } from '../wire/payload.js';
import { Alarm } from './alarm.js';
import type { DownReason, PartitionChanged, ReachabilityView } from './events.js';
import type { LiveLink } from './live-link.js';
import { REACH_TOPIC } from './names.js';
import { type ReachReport, readReport, reportBody } from './reach-report.js';
import { Reachability, type ReachabilityInput } from './reachability.js';

const trace = debug('backplane:node:reach');

export interface ReachSetup {
  /** Of this node. */
  readonly name: string;
  /** Of the profile. */
  readonly outageMs: number;
  readonly runtime: Runtime;
  /** The link to a node; undefined while there is none to send on. */
  find(name: string): LiveLink | undefined;
  onPartition(event: PartitionChanged): void;
}

export class Reach {
  readonly #setup: ReachSetup;
  readonly #machine: Reachability;
  readonly #alarm: Alarm;
  #isOver = false;

  constructor(setup: ReachSetup) {
    const { name, outageMs, runtime } = setup;
    this.#setup = setup;
    this.#machine = new Reachability({ name, outageMs, limits });
    this.#alarm = new Alarm(runtime, () => this.#step({ type: 'tick' }));
  }

  /** The program or a source wants a link to this node. */
  wanted(name: string): void {
    this.#step({ type: 'wanted', name });
  }

  /** Nobody wants one any more; one that is up stays. */
  unwanted(name: string): void {
    this.#step({ type: 'unwanted', name });
  }

  /** Nobody wants one any more, and one that is up is being left. */
  leaving(name: string): void {
    this.#step({ type: 'leaving', name });
  }

  /** A link is up. */
  up(name: string): void {
    this.#step({ type: 'up', name });
  }

  /** A link is over. */
  down(name: string, reason: DownReason): void {
    this.#step({ type: 'down', name, isLeft: reason === 'left' });
  }

  /**
   * A peer's report.
   * @throws ProtocolError it is none.
   */
  receive(name: string, body: unknown): void {
    this.#step({ type: 'told', name, report: readReport(body) });
  }

  /** As far as this node is told. */
  get view(): ReachabilityView {
    return this.#machine.view(this.#setup.runtime.clock.turnMs());
  }

  /** Tells nothing any more. */
  close(): void {
    this.#isOver = true;
    this.#alarm.set(null);
  }

  #step(input: ReachabilityInput): void {
    if (this.#isOver) return;
    this.#machine.step(this.#setup.runtime.clock.turnMs(), input);
    const refused = this.#drain();
    if (!this.#isOver) this.#alarm.set(this.#machine.deadline());
    if (refused) throw new ProtocolError('ERR_PROTOCOL', 'it tells more names than it may');
  }

  /** @returns Whether the peer that told last broke the protocol. */
  #drain(): boolean {
    let refused = false;
    for (let output = this.#machine.poll(); output !== null; output = this.#machine.poll()) {
      switch (output.type) {
        case 'tell':
          this.#tell(output.to, output.report);
          break;
        case 'partition':
          this.#setup.onPartition(output.event);
          break;
        case 'refuse':
          refused = true;
          break;
      }
    }
    return refused;
  }

  #tell(names: readonly string[], report: ReachReport): void {
    const message = {
      kind: 'send',
      id: 0,
      topic: REACH_TOPIC,
      ...encodeBody(reportBody(report)),
    } as const;
    for (const name of names) {
      try {
        // Before bulk: it is short, and rare.
        this.#setup.find(name)?.link.send(message, { orderKey: '', priority: true });
      } catch (error) {
        // The queue is full, or the peer has just said that it leaves.
        trace('%s was not told: %o', name, error);
        this.#machine.step(this.#setup.runtime.clock.turnMs(), { type: 'unsent', name });
      }
    }
  }
}
