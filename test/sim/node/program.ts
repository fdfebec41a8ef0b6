/** What runs on a simulated node: it sends and calls in bursts, and handles what comes. */

import { limits } from '../../../src/limits.js';
import type { ClusterNode } from '../../../src/node/node.js';
import type { SeededRandom } from '../../random.js';
import { type CallRecord, FAIL_CODE, type SentMessage, type Topic } from './ledger.js';
import type { LinkEnd } from './link-end.js';
import type { SimMember } from './member.js';
import type { NodeWorld } from './world.js';

const SENT: readonly Topic[] = ['order', 'order', 'slow', 'throw', 'nobody'];
const CALLED: readonly Topic[] = ['echo', 'later', 'fail', 'nobody', 'never'];
const KEYS = ['', 'a', 'b'] as const;
const SLOW_MS = 100;
/** Longer than a world goes on when all is calm: a deadline that is left running is seen. */
const LONG_MS = 60_000;

/** What the handlers of 'throw' and 'fail' throw. */
class ProgramError extends Error {
  readonly code = FAIL_CODE;
}

export class Program {
  /** Names of all nodes there ever was a link with. */
  readonly met = new Set<string>();
  readonly #world: NodeWorld;
  readonly #member: SimMember;
  readonly #random: SeededRandom;
  /** Failures of handlers that are still to be reported. */
  #failures = 0;

  constructor(world: NodeWorld, member: SimMember) {
    this.#world = world;
    this.#member = member;
    this.#random = world.random.fork(`program ${member.key}`);
  }

  start(node: ClusterNode): void {
    const sleep = () => this.#sleep(this.#random.exponential(SLOW_MS));
    const handle = (topic: Topic, handler: (body: unknown) => unknown) =>
      node.handle(topic, (body, { from }) => {
        if (!this.#member.process.isAlive) return undefined;
        this.#world.ledger.handled(this.#member, from, body);
        if (this.#random.chance(0.02)) this.#sendOne(from);
        return handler(body);
      });
    handle('order', () => undefined);
    handle('slow', sleep);
    handle('throw', () => this.#fail());
    handle('echo', (body) => body);
    handle('later', async (body) => {
      await sleep();
      return body;
    });
    handle('fail', async () => {
      await sleep();
      throw new ProgramError('as it is meant to');
    });
    handle('never', () => new Promise(() => {}));
    this.#later();
  }

  up(name: string): void {
    this.met.add(name);
    // The first moments of a link are worth messages of their own.
    if (!this.#world.isCalm && this.#random.chance(0.5)) this.#sendOne(name);
  }

  handlerFailed(error: unknown): void {
    if (error instanceof ProgramError && this.#failures > 0) this.#failures--;
    else this.#world.checker.violated(`${this.#member.name}: handlerError: ${String(error)}`);
  }

  /** Failures that nobody was told of. */
  get untold(): number {
    return this.#failures;
  }

  /** A message and a call to each peer, when all is calm. */
  greet(): void {
    for (const { peerName } of this.#world.checker.ends(this.#member)) {
      this.#send(peerName, 'order', {});
      this.#call(peerName, 'echo', LONG_MS);
    }
  }

  #fail(): never {
    this.#failures++;
    throw new ProgramError('as it is meant to');
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#member.process.timers.after(delayMs, () => resolve());
    });
  }

  #later(): void {
    const { knobs } = this.#world;
    const delayMs = this.#random.exponential(knobs.burstEveryMs);
    this.#member.process.timers.after(delayMs, () => {
      if (this.#member.isClosing || this.#world.isCalm) return;
      this.#burst();
      this.#later();
    });
  }

  #burst(): void {
    const ends = this.#world.checker.ends(this.#member);
    if (ends.length === 0) return;
    const { peerName } = this.#random.pick(ends);
    const count = 1 + this.#random.below(this.#world.knobs.burst);
    for (let i = 0; i < count; i++) this.#sendOne(peerName);
  }

  #sendOne(to: string): void {
    if (this.#world.isCalm) return;
    const random = this.#random;
    if (random.chance(0.4)) return this.#call(to, random.pick(CALLED));
    this.#send(to, random.pick(SENT), {
      orderKey: random.pick(KEYS),
      ...(random.chance(0.1) ? { priority: true } : {}),
      ...(random.chance(0.05) ? { unordered: true } : {}),
      ...(random.chance(0.05) ? { ttl: random.pick([1, 20, 500]) } : {}),
    });
  }

  #send(
    to: string,
    topic: Topic,
    options: { orderKey?: string; priority?: boolean; unordered?: boolean; ttl?: number },
  ): void {
    const { checker, ledger, trace, time } = this.#world;
    const end = checker.current(this.#member, to);
    const { node } = this.#member;
    if (end === undefined || node === null) return;
    const isLoose = options.unordered === true || options.ttl !== undefined;
    const key = `${topic} ${options.orderKey ?? ''} ${options.priority === true}`;
    const number = end.nextToSend.get(key) ?? 0;
    const message: SentMessage = {
      id: ledger.nextId,
      end,
      topic,
      order: isLoose || topic === 'nobody' ? null : { key, number },
      mayExpire: options.ttl !== undefined,
      outcome: null,
      isHandled: false,
    };
    trace.event(time.nowMs, 'send', this.#member.process.name, message.id);
    ledger.sent(message);
    try {
      node.send(to, topic, this.#body(message, isLoose), {
        ...options,
        onOutcome: (outcome) => {
          trace.note(time.nowMs, outcome.type, this.#member.process.name, message.id);
          if (this.#member.process.isAlive) ledger.told(message, outcome);
        },
      });
      if (!isLoose) end.nextToSend.set(key, number + 1);
    } catch (error) {
      ledger.notSent(message, error);
    }
  }

  #call(
    to: string,
    topic: Topic,
    deadlineMs = this.#random.pick([50, 1000, limits.callDeadlineMs]),
  ): void {
    const { checker, ledger, trace, time } = this.#world;
    const end: LinkEnd | undefined = checker.current(this.#member, to);
    const { node } = this.#member;
    if (end === undefined || node === null) return;
    const call: CallRecord = {
      id: ledger.nextId,
      end,
      topic,
      order: null,
      mayExpire: false,
      outcome: null,
      isHandled: false,
      askedMs: time.nowMs,
      deadlineMs,
    };
    trace.event(time.nowMs, 'call', this.#member.process.name, call.id);
    ledger.called(call);
    // Each on a key of its own: calls whose handlers are slow do not wait for each other.
    node.call(to, topic, this.#body(call), { deadlineMs, orderKey: `${call.id}` }).then(
      (answer) => {
        trace.note(time.nowMs, 'answer', this.#member.process.name, call.id);
        if (this.#member.process.isAlive) ledger.answered(call, answer);
      },
      (error) => {
        trace.note(time.nowMs, 'failure', this.#member.process.name, call.id);
        if (this.#member.process.isAlive) ledger.failed(call, error);
      },
    );
  }

  #body({ id }: SentMessage, isSmall = false): unknown {
    const random = this.#random;
    const bytes = !isSmall && random.chance(0.02) ? random.whole(0, 100_000) : random.whole(0, 100);
    return [id, Buffer.alloc(bytes, id & 0xff)];
  }
}
