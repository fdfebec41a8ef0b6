/** What runs on a simulated node: it sends in bursts, and handles what comes in many ways. */
import { BackplaneError, type ErrorCode, NodeError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import type { MessageOptions, ReceivedMessage, UserMessage } from '../../../src/link/types.js';
import type { LiveLink } from '../../../src/node/live-link.js';
import type { SeededRandom } from '../../random.js';
import { bodyOf, type LinkRecord, type SentMessage } from './checker.js';
import type { SimNode } from './node.js';
import type { LinkWorld } from './world.js';

export type Handled = undefined | ErrorCode | PromiseLike<unknown>;

const TOPICS = ['order', 'slow', 'refuse', 'ask', 'plain'] as const;
const KEYS = ['', 'a', 'b', 'c'] as const;
const SLOW_MS = 200;
/** Least length of a body: its id. */
const LEAST_BYTES = 4;

export class Program {
  readonly #world: LinkWorld;
  readonly #node: SimNode;
  readonly #random: SeededRandom;
  /** Peers whose link is over its high-water mark. */
  readonly #full = new Set<string>();
  readonly #links = new Map<string, LiveLink>();
  #callId = 0;

  constructor(world: LinkWorld, node: SimNode) {
    this.#world = world;
    this.#node = node;
    this.#random = world.random.fork(`program ${node.name}`);
    this.#later();
  }

  up(live: LiveLink): void {
    this.#links.set(live.name, live);
    this.#full.delete(live.name);
    if (this.#world.isCalm) return;
    // The first moments of a link are worth a message of their own.
    if (this.#random.chance(0.5)) this.#sendTo(live, this.#random.whole(1, 5));
  }

  down(name: string): void {
    this.#links.delete(name);
    this.#full.delete(name);
  }

  drained(name: string): void {
    this.#full.delete(name);
  }

  /** Whether it waits for room in the link to this peer. */
  isHeldUp(name: string): boolean {
    return this.#full.has(name);
  }

  /** A few messages to each peer, when all is calm. */
  greet(): void {
    for (const live of this.#links.values()) {
      const record = this.#world.checker.record(live);
      if (record === undefined) continue;
      for (const topic of ['order', 'plain']) {
        const bytes = this.#random.whole(LEAST_BYTES, 256);
        this.#send(record, { kind: 'send', id: 0, topic }, bytes, { orderKey: '' });
      }
    }
  }

  handle(record: LinkRecord, received: ReceivedMessage): Handled {
    const { time, checker, isCalm } = this.#world;
    const message = checker.handled(time.nowMs, record, received);
    if (message === null) return undefined;
    const random = this.#random;
    if (received.kind === 'call') this.#answer(record, received.id);
    if (isCalm) return undefined;
    if (random.chance(0.0002)) {
      throw new NodeError('ERR_PROTOCOL', 'the program would not have this peer any more');
    }
    if (random.chance(0.0002)) this.#world.killSoon(this.#node);
    if (random.chance(0.01)) this.#sendTo(record.live, random.whole(1, 20));
    if (received.topic === 'refuse' && random.chance(0.6)) {
      // More than a bundle holds leaves before this turn ends.
      if (random.chance(0.1)) this.#sendTo(record.live, 30);
      message.refusedWith = random.pick(['ERR_NO_HANDLER', 'ERR_HANDLER']);
      return message.refusedWith;
    }
    return received.topic === 'slow' ? this.#slowly(record, received.body.length) : undefined;
  }

  /** A promise that settles later, without a microtask of its own. */
  #slowly(record: LinkRecord, bytes: number): PromiseLike<unknown> {
    record.heldBytes += bytes;
    if (record.heldBytes > limits.smallCreditBytes + limits.largeCreditBytes) {
      const what = `${record.heldBytes} bytes wait for its handlers`;
      this.#world.checker.violated(`${this.#node.name}: ${what}, more than there is credit for`);
    }
    const settled: (() => void)[] = [];
    this.#node.process.timers.after(this.#random.exponential(SLOW_MS), () => {
      record.heldBytes -= bytes;
      for (const callback of settled) callback();
    });
    const then = (callback?: ((value: unknown) => unknown) | null) => {
      settled.push(() => callback?.(undefined));
    };
    return { then } as unknown as PromiseLike<unknown>;
  }

  #later(): void {
    const { knobs } = this.#world;
    this.#node.process.timers.after(this.#random.exponential(knobs.burstEveryMs), () => {
      if (this.#node.isClosing || this.#world.isCalm) return;
      this.#burst();
      this.#later();
    });
  }

  #burst(): void {
    const random = this.#random;
    const names = [...this.#links.keys()];
    if (names.length === 0) return;
    const name = random.pick(names);
    // A program that does not wait for `drain` will meet the hard limit.
    if (this.#full.has(name) && !random.chance(0.1)) return;
    const count = 1 + random.below(this.#world.knobs.burst);
    this.#sendTo(this.#links.get(name) as LiveLink, random.chance(0.03) ? count * 20 : count);
  }

  #sendTo(live: LiveLink, count: number): void {
    for (let i = 0; i < count; i++) {
      if (!this.#sendOne(live)) return;
    }
  }

  #sendOne(live: LiveLink): boolean {
    const random = this.#random;
    const record = this.#world.checker.record(live);
    if (record === undefined) return false;
    const topic = random.pick(TOPICS);
    const options: MessageOptions = {
      orderKey: random.pick(KEYS),
      ...(random.chance(0.1) ? { priority: true } : {}),
      ...(random.chance(0.08) ? { unordered: true } : {}),
      ...(random.chance(0.08) ? { ttlMs: random.pick([0, 1, 10, 200]) } : {}),
    };
    const isLoose = options.unordered === true || options.ttlMs !== undefined;
    const bytes = this.#size(isLoose ? limits.fragmentBytes - 64 : this.#world.knobs.largestBytes);
    const kind = topic === 'ask' && !isLoose ? 'call' : 'send';
    const id = kind === 'call' ? ++this.#callId : 0;
    return this.#send(record, { kind, id, topic }, bytes, options);
  }

  #size(largest: number): number {
    const random = this.#random;
    const dice = random.unit();
    if (dice < 0.85) return random.whole(LEAST_BYTES, 256);
    if (dice < 0.95) return random.whole(256, Math.min(largest, 4096));
    if (dice < 0.98) return random.whole(LEAST_BYTES, Math.floor(largest / 4));
    return random.whole(LEAST_BYTES, largest);
  }

  #answer(record: LinkRecord, id: number): void {
    const bytes = this.#random.whole(LEAST_BYTES, 300);
    this.#send(record, { kind: 'reply', id, topic: '' }, bytes, { orderKey: `${id}` });
  }

  /** False when nothing more is to be sent to this peer now. */
  #send(
    record: LinkRecord,
    head: Pick<UserMessage, 'id' | 'topic'> & { readonly kind: SentMessage['kind'] },
    bytes: number,
    options: MessageOptions,
  ): boolean {
    const { checker, trace, time } = this.#world;
    const { live } = record;
    const isLoose = options.unordered === true || options.ttlMs !== undefined;
    const key = `${head.topic} ${options.orderKey} ${options.priority === true}`;
    const number = record.nextToSend.get(key) ?? 0;
    const message: SentMessage = {
      id: checker.messages.length,
      kind: head.kind,
      from: this.#node.name,
      to: live.name,
      association: record.carrier.association.id,
      side: record.carrier.side,
      topic: head.topic,
      bytes,
      order: isLoose ? null : { key, number },
      isLoose,
      mayExpire: options.ttlMs !== undefined,
      outcome: null,
      toldAtMs: null,
      handledAtMs: null,
      refusedWith: null,
    };
    trace.event(time.nowMs, 'send', this.#node.name, message.association, message.id, bytes);
    const body = bodyOf(message.id, bytes);
    checker.messages.push(message);
    checker.sent(record, message);
    try {
      const hasRoom = live.link.send({ ...head, encoding: 'bytes', body }, options, (outcome) => {
        trace.note(time.nowMs, outcome.type, this.#node.name, message.association, message.id);
        if (!this.#node.process.isAlive) return;
        checker.told(time.nowMs, record, message, outcome);
        // Programs send the next when they hear of the last.
        if (!this.#world.isCalm && this.#random.chance(0.03)) this.#sendOne(live);
      });
      if (!isLoose) record.nextToSend.set(key, number + 1);
      if (!hasRoom) this.#full.add(live.name);
      return hasRoom || this.#random.chance(0.3);
    } catch (error) {
      checker.notSent(record, message);
      const code = error instanceof BackplaneError ? error.code : String(error);
      if (code !== 'ERR_NO_LINK' && code !== 'ERR_QUEUE_FULL') {
        checker.violated(`send of ${bytes} bytes threw ${code}`);
      }
      if (code === 'ERR_QUEUE_FULL') this.#full.add(live.name);
      return false;
    }
  }
}
