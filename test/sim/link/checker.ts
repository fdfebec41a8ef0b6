/**
 * Holds every promise of delivery, and of who is there, against what really happened at all ends.
 */
import type { ErrorCode } from '../../../src/errors.js';
import type { CarrierEnd } from '../../../src/link/carrier.js';
import type { Outcome, ReceivedMessage } from '../../../src/link/types.js';
import type { LiveLink } from '../../../src/node/live-link.js';
import type { SimCarrier } from '../../../src/testing/model/carrier.js';

/** One message of the workload, from `send` to its outcome. */
export interface SentMessage {
  readonly id: number;
  readonly kind: 'send' | 'call' | 'reply';
  readonly from: string;
  readonly to: string;
  readonly association: number;
  readonly side: 0 | 1;
  readonly topic: string;
  readonly bytes: number;
  /** Null where no order is promised. */
  readonly order: { readonly key: string; readonly number: number } | null;
  /** May overtake others: unordered, or with a ttl. */
  readonly isLoose: boolean;
  readonly mayExpire: boolean;
  outcome: Outcome | null;
  toldAtMs: number | null;
  handledAtMs: number | null;
  refusedWith: ErrorCode | null;
}

/** One end of one link, from its nodeup to its nodedown. */
export class LinkRecord {
  readonly live: LiveLink;
  readonly node: string;
  /** Sent, and without an outcome. */
  readonly pending = new Set<SentMessage>();
  pendingBytes = 0;
  /** Numbers of the next message to send, and to handle, by order key. */
  readonly nextToSend = new Map<string, number>();
  readonly nextToHandle = new Map<string, number>();
  /** Bytes of messages whose handler is not done. */
  heldBytes = 0;
  isDown = false;

  constructor(node: string, live: LiveLink) {
    this.node = node;
    this.live = live;
  }

  get carrier(): SimCarrier {
    return this.live.carrier as SimCarrier;
  }
}

export class Checker {
  readonly violations: string[] = [];
  /** All messages, by id. */
  readonly messages: SentMessage[] = [];
  readonly counts = {
    sent: 0,
    handled: 0,
    delivered: 0,
    refused: 0,
    unsent: 0,
    expired: 0,
    unknown: 0,
  };
  readonly #records = new Map<LiveLink, LinkRecord>();
  /** By node and peer: the link that is up. */
  readonly #current = new Map<string, LinkRecord>();
  /** By node and peer: why the last link ended. */
  readonly #lastDown = new Map<string, string>();
  /** Links that must be over before the next event. */
  #ending: LinkRecord[] = [];
  #endingWhy = '';

  violated(what: string): void {
    this.violations.push(what);
  }

  record(live: LiveLink): LinkRecord | undefined {
    return this.#records.get(live);
  }

  current(node: string, peer: string): LinkRecord | undefined {
    return this.#current.get(`${node} ${peer}`);
  }

  /** Why the last link of these two ended, at the first of them. */
  lastDown(node: string, peer: string): string | undefined {
    return this.#lastDown.get(`${node} ${peer}`);
  }

  // --- who is there

  up(node: string, live: LiveLink): void {
    const key = `${node} ${live.name}`;
    if (this.#current.has(key)) this.violated(`${key}: nodeup without a nodedown before`);
    const record = new LinkRecord(node, live);
    this.#records.set(live, record);
    this.#current.set(key, record);
  }

  down(node: string, live: LiveLink, reason: string): void {
    const key = `${node} ${live.name}`;
    const record = this.#current.get(key);
    if (record === undefined || record.live !== live) {
      this.violated(`${key}: nodedown (${reason}) of a link that is not the one that is up`);
      return;
    }
    this.#current.delete(key);
    this.#lastDown.set(key, reason);
    record.isDown = true;
    if (record.pending.size > 0) {
      const [first] = record.pending;
      const what = `message ${first?.id} and ${record.pending.size - 1} others`;
      this.violated(`${key}: nodedown (${reason}) before the outcome of ${what}`);
    }
    this.#records.delete(live);
  }

  /** What a carrier tells of its end is the end of its link, at once. */
  carrierEnded(carrier: SimCarrier, end: CarrierEnd): void {
    for (const [key, record] of this.#current) {
      if (record.carrier === carrier) {
        this.violated(`${key}: the association is ${end}, and the link is up`);
      }
    }
  }

  /** A process is gone: nobody there waits for anything any more. */
  gone(node: string): void {
    for (const [key, record] of [...this.#current]) {
      if (record.node !== node) continue;
      this.#current.delete(key);
      this.#records.delete(record.live);
    }
  }

  // --- delivery

  /** A message was taken by `send`. */
  sent(record: LinkRecord, message: SentMessage): void {
    this.counts.sent++;
    record.pending.add(message);
    record.pendingBytes += message.bytes;
  }

  /** `send` threw: nothing was sent, and nobody is to hear of it. */
  notSent(record: LinkRecord, message: SentMessage): void {
    this.counts.sent--;
    record.pending.delete(message);
    record.pendingBytes -= message.bytes;
    message.outcome = { type: 'unsent' };
  }

  told(nowMs: number, record: LinkRecord, message: SentMessage, outcome: Outcome): void {
    const what = `${message.from} to ${message.to}: message ${message.id}`;
    const isRefused = outcome.type === 'delivered' && outcome.code !== undefined;
    this.counts[isRefused ? 'refused' : outcome.type]++;
    if (message.outcome !== null) {
      const before = message.outcome.type;
      this.violated(`${what} has two outcomes, ${before} and ${outcome.type}`);
      return;
    }
    message.outcome = outcome;
    message.toldAtMs = nowMs;
    record.pending.delete(message);
    record.pendingBytes -= message.bytes;
    if (record.isDown) this.violated(`${what} was told ${outcome.type} after nodedown`);
    if (outcome.type === 'delivered') this.#delivered(what, message, outcome.code ?? null);
    else if (outcome.type === 'unknown') this.#mustEnd(record, `${what} was told unknown`);
    else if (message.handledAtMs !== null) this.violated(`${what} is ${outcome.type} and handled`);
    if (outcome.type === 'expired' && !message.mayExpire) {
      this.violated(`${what} expired and has no ttl`);
    }
    if (outcome.type === 'unsent') this.#mustEnd(record, `${what} was told unsent`);
  }

  #delivered(what: string, message: SentMessage, code: ErrorCode | null): void {
    if (message.handledAtMs === null) {
      this.violated(`${what} is delivered and was not handled`);
    } else if (code !== message.refusedWith) {
      this.violated(`${what}: the handler said ${message.refusedWith}, its sender heard ${code}`);
    }
  }

  /** A message reached the program at `record`'s end. Null when it must not have. */
  handled(nowMs: number, record: LinkRecord, received: ReceivedMessage): SentMessage | null {
    const { body } = received;
    const message = body.length < 4 ? undefined : this.messages[body.readUInt32BE(0)];
    if (message === undefined) {
      this.violated(`${record.node} handled a message that nobody sent`);
      return null;
    }
    const what = `${message.from} to ${message.to}: message ${message.id}`;
    this.counts.handled++;
    if (this.#current.get(`${record.node} ${record.live.name}`) !== record) {
      this.violated(`${what} was handled on a link that is not up`);
    }
    if (message.handledAtMs !== null) this.violated(`${what} was handled twice`);
    const told = message.outcome?.type;
    if (told === 'unsent' || told === 'expired') {
      this.violated(`${what} was handled after it was told ${told}`);
    }
    message.handledAtMs = nowMs;
    const { association, side } = record.carrier;
    if (association.id !== message.association || side === message.side) {
      this.violated(`${what} was handled on another link than it was sent on`);
      return message;
    }
    if (received.topic !== message.topic || received.kind !== message.kind) {
      this.violated(`${what} arrived as something else`);
    }
    if (record.carrier.isLooseBundle !== message.isLoose) {
      this.violated(`${what} shared a bundle with those of another kind`);
    }
    if (!isIntact(message, body)) this.violated(`${what} arrived with another body`);
    if (message.order !== null) this.#inOrder(what, record, message.order);
    return message;
  }

  /** Runs after each event: what was to end in it has. */
  afterEvent(): void {
    if (this.#ending.length === 0) return;
    for (const record of this.#ending) {
      const current = this.#current.get(`${record.node} ${record.live.name}`);
      if (current === record) this.violated(`${this.#endingWhy}, and its link is up`);
    }
    this.#ending = [];
  }

  #mustEnd(record: LinkRecord, why: string): void {
    if (this.#ending.includes(record)) return;
    this.#ending.push(record);
    this.#endingWhy = why;
  }

  #inOrder(
    what: string,
    record: LinkRecord,
    { key, number }: { readonly key: string; readonly number: number },
  ): void {
    const expected = record.nextToHandle.get(key) ?? 0;
    if (number !== expected) {
      this.violated(`${what} is number ${number} of its key, ${expected} was to come`);
    }
    record.nextToHandle.set(key, number + 1);
  }
}

/** The body of a message: its id, then bytes that follow from it. */
export function bodyOf(id: number, bytes: number): Buffer {
  const body = Buffer.alloc(bytes, (id * 31 + bytes) & 0xff);
  body.writeUInt32BE(id, 0);
  return body;
}

function isIntact({ id, bytes }: SentMessage, body: Buffer): boolean {
  if (body.length !== bytes) return false;
  const fill = (id * 31 + bytes) & 0xff;
  const stride = Math.max(1, bytes >>> 5);
  for (let at = 4; at < bytes; at += stride) if (body[at] !== fill) return false;
  return bytes <= 4 || body[bytes - 1] === fill;
}
