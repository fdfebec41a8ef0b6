/** The end that lives on: it sends numbered messages and writes down every outcome. */
import { writeFileSync } from 'node:fs';
import { LabError } from '../../errors.js';
import { MIN_STREAMS, StreamMap } from '../../link/streams.js';
import type { Outcome } from '../../link/types.js';
import type { NodeDown } from '../../node/events.js';
import type { ClusterNode } from '../../node/node.js';
import type { TellOptions } from '../../node/send-options.js';
import { messageRecordBytes } from '../../wire/records.js';
import { BODY_BYTES_MIN, type KillCommand, OutcomeByte, TOPIC } from './kill-protocol.js';
import type { KillRoleSetup } from './kill-receiver.js';

/** Messages without an outcome at any time, as long as the link is up. */
const WINDOW = 250;
/** A link that has delivered so many may be killed. */
const FLOWING = 1000;
/** Order keys of plain messages. */
const KEYS = 8;
const TTL_MS = 10;
const FRAGMENTED_BYTES = 150_000;
/** More than the kernel's buffer and our queue before it hold. */
const SURGE = { messages: 80, bytes: 120_000 };
/** Sent in the turn in which the association is aborted. */
const LAST_WORDS = 30;

interface Shape {
  readonly kind: 'plain' | 'priority' | 'loose';
  readonly bytes: number;
  readonly options: TellOptions;
}

/** Every class of messages, round and round. */
function shapeOf(number: number): Shape {
  const bytes = BODY_BYTES_MIN + ((number * 37) % 250);
  switch (number % 20) {
    case 0:
      return { kind: 'loose', bytes, options: { ttl: TTL_MS } };
    case 1:
      return { kind: 'loose', bytes, options: { unordered: true } };
    case 2:
      return { kind: 'priority', bytes, options: { orderKey: 'urgent', priority: true } };
    case 3:
      if (number % 200 !== 3) break;
      return {
        kind: 'plain',
        bytes: FRAGMENTED_BYTES,
        options: { orderKey: `large${number % 3}` },
      };
  }
  return { kind: 'plain', bytes, options: { orderKey: `key${number % KEYS}` } };
}

/** What became of a message, as its byte. */
function byteOf(outcome: Outcome): number {
  if (outcome.type === 'delivered' && outcome.code !== undefined) return OutcomeByte.refused;
  return OutcomeByte[outcome.type];
}

export class KillSender {
  readonly #own: KillRoleSetup;
  #node: ClusterNode | null = null;
  #outcomes = Buffer.alloc(1 << 16);
  #sent = 0;
  #repeated = 0;
  #outstanding = 0;
  #isStopped = false;
  /** Of the link in force. */
  #link = 0;
  #streams: StreamMap | null = null;
  #delivered = 0;
  #cutOff = 0;
  readonly #neededBytes = new Map<number, number>();

  constructor(own: KillRoleSetup) {
    this.#own = own;
  }

  async obey(command: KillCommand): Promise<void> {
    switch (command.type) {
      case 'start':
        return this.#start();
      case 'abort':
        for (let i = 0; i < LAST_WORDS; i++) this.#send(shapeOf(this.#sent));
        return this.#own.transport.abortAll();
      case 'surge':
        return this.#surge();
      case 'stop':
        this.#isStopped = true;
        return this.#settle();
      case 'finish':
        await this.#node?.close();
        writeFileSync(this.#own.setup.outcomesFile, this.#outcomes.subarray(0, this.#sent));
        this.#own.report({ type: 'finished', repeated: this.#repeated });
        process.disconnect();
        return;
      default:
        throw new LabError('ERR_LAB', `a sender does not ${command.type}`);
    }
  }

  async #start(): Promise<void> {
    const node = await this.#own.startNode();
    this.#node = node;
    node.on('nodeup', ({ linkNumber }) => this.#up(linkNumber));
    node.on('nodedown', (event) => this.#down(event));
    const { peer, port } = this.#own.setup;
    node.connect({ ...peer, port }).catch(() => {});
  }

  #up(link: number): void {
    this.#link = link;
    this.#streams = null;
    this.#delivered = 0;
    this.#cutOff = 0;
    this.#neededBytes.clear();
    this.#own.report({ type: 'event', event: { kind: 'up', link } });
    this.#fill();
  }

  #down({ reason }: NodeDown): void {
    const takenBytes = this.#own.transport.takenBytes();
    let overdrawnStreams = 0;
    for (const [stream, bytes] of this.#neededBytes) {
      if (bytes > (takenBytes.get(stream) ?? 0)) overdrawnStreams++;
    }
    const link = this.#link;
    const outstanding = this.#cutOff;
    this.#link = 0;
    const event = { kind: 'down', link, reason, outstanding, overdrawnStreams } as const;
    this.#own.report({ type: 'event', event });
    this.#settle();
  }

  #fill(): void {
    while (!this.#isStopped && this.#link !== 0 && this.#outstanding < WINDOW) {
      if (!this.#send(shapeOf(this.#sent))) return;
    }
  }

  #surge(): void {
    for (let i = 0; i < SURGE.messages; i++) {
      this.#send({ kind: 'plain', bytes: SURGE.bytes, options: { orderKey: `surge${i % KEYS}` } });
      this.#send(shapeOf(this.#sent));
    }
  }

  /** False when there is no link, or one that ends in this very turn: nothing was sent. */
  #send({ kind, bytes, options }: Shape): boolean {
    const node = this.#node;
    if (node === null || this.#link === 0) return false;
    const number = this.#sent;
    const body = Buffer.allocUnsafe(bytes);
    body.writeUInt32BE(number, 0);
    body.writeUInt32BE(this.#link, 4);
    const onOutcome = (outcome: Outcome) =>
      this.#settled(number, outcome, kind, options.orderKey ?? '', bytes);
    try {
      node.send(this.#own.setup.peer.name, TOPIC, body, { ...options, onOutcome });
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_NO_LINK') return false;
      throw error;
    }
    if (number === this.#outcomes.length) {
      this.#outcomes = Buffer.concat([this.#outcomes, Buffer.alloc(number)]);
    }
    this.#sent++;
    this.#outstanding++;
    return true;
  }

  #settled(
    number: number,
    outcome: Outcome,
    kind: Shape['kind'],
    orderKey: string,
    bytes: number,
  ): void {
    if (this.#outcomes[number] !== OutcomeByte.none) {
      this.#repeated++;
      return;
    }
    this.#outcomes[number] = byteOf(outcome);
    this.#outstanding--;
    const { type } = outcome;
    if (type === 'unsent' || type === 'unknown') this.#cutOff++;
    if (type === 'delivered' || type === 'unknown') this.#need(kind, orderKey, bytes);
    if (type === 'delivered' && ++this.#delivered === FLOWING) {
      this.#own.report({ type: 'event', event: { kind: 'flowing', link: this.#link } });
    }
    if (type === 'delivered' || type === 'expired') this.#fill();
    this.#settle();
  }

  /** Bytes of records that must have left, by stream. */
  #need(kind: Shape['kind'], orderKey: string, bodyBytes: number): void {
    this.#streams ??= new StreamMap(Math.max(MIN_STREAMS, this.#own.transport.streams));
    const stream = this.#streams.of(TOPIC, orderKey, kind);
    const body = { length: bodyBytes } as Uint8Array;
    const message = { kind: 'send', id: 0, topic: TOPIC, encoding: 'bytes', body } as const;
    const bytes = messageRecordBytes(message, TOPIC.length);
    this.#neededBytes.set(stream, (this.#neededBytes.get(stream) ?? 0) + bytes);
  }

  #settle(): void {
    if (this.#isStopped && this.#outstanding === 0) this.#own.report({ type: 'settled' });
  }
}
