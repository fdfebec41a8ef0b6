/**
 * Two links over a carrier in memory and a clock that only the test moves: no sockets, no sleeping.
 */
import { LinkError } from '../../../src/errors.js';
import type {
  Carrier,
  CarrierEnd,
  CarrierHandlers,
  CarrierPath,
  CarrierPathEvent,
  CarrierSendOptions,
  PathState,
} from '../../../src/link/carrier.js';
import { createLink } from '../../../src/link/link.js';
import type {
  Link,
  LinkHandlers,
  LinkOptions,
  LocalIdentity,
  MessageOptions,
  UserMessage,
} from '../../../src/link/types.js';
import { VirtualProcess } from '../../../src/testing/virtual-process.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { profiles } from '../../../src/timing/profiles.js';
import { BUNDLE_HEADER_BYTES, writeBundleHeader } from '../../../src/wire/bundle.js';
import { FrameType } from '../../../src/wire/frame.js';
import { SeededRandom } from '../../random.js';

type Arrival =
  | { readonly stream: number; readonly data: Buffer }
  | { readonly end: CarrierEnd; readonly error: Error | null };

/**
 * One end of an association in memory. What arrives waits in its inbox, the socket, until it is
 * delivered.
 */
export class MemoryCarrier implements Carrier {
  handlers: CarrierHandlers | null = null;
  peer: MemoryCarrier | null = null;
  inbox: Arrival[] = [];
  outboundStreams = 8;
  inboundStreams = 8;
  /** What the carrier says that it still holds. */
  queuedBytes = 0;
  remoteAddress = '10.1.0.2';
  paths: CarrierPath[] = [path('10.1.0.2', true), path('10.2.0.2', false)];
  isUp = false;
  ended = false;
  wasAborted = false;
  wasShutDown = false;
  /** Frames sent, in order. */
  readonly sent: { stream: number; data: Buffer; context: number }[] = [];
  /** What really goes out for one frame; a cable that is cut, or someone in between. */
  filter: (stream: number, data: Buffer) => Buffer[] = (_stream, data) => [data];
  /** What the next `send` throws. */
  failure: Error | null = null;
  hasRoom = true;

  attach(handlers: CarrierHandlers): void {
    this.handlers = handlers;
    if (this.isUp) handlers.onUp();
  }

  up(): void {
    this.isUp = true;
    this.handlers?.onUp();
  }

  send(stream: number, data: Uint8Array, options: CarrierSendOptions = {}): boolean {
    if (this.failure !== null) throw this.failure;
    if (this.ended || this.wasShutDown) throw new LinkError('ERR_CLOSED', 'the carrier is closed');
    const copy = Buffer.from(data);
    this.sent.push({ stream, data: copy, context: options.context ?? 0 });
    for (const out of this.filter(stream, copy)) this.peer?.inbox.push({ stream, data: out });
    return this.hasRoom;
  }

  drain(): void {
    while (this.inbox.length > 0 && 'data' in this.inbox[0]!) this.#deliverOne();
  }

  /** Gives everything that has arrived; true if there was something. */
  deliver(): boolean {
    const had = this.inbox.length > 0;
    while (this.inbox.length > 0) this.#deliverOne();
    return had;
  }

  #deliverOne(): void {
    const arrival = this.inbox.shift()!;
    if (this.ended) return;
    if ('data' in arrival) {
      this.handlers?.onMessage(arrival.stream, arrival.data);
      return;
    }
    this.ended = true;
    this.handlers?.onEnd(arrival.end, arrival.error);
  }

  end(end: CarrierEnd, error: Error | null = null): void {
    this.inbox.push({ end, error });
  }

  shutdown(): void {
    if (this.wasShutDown || this.ended) return;
    this.wasShutDown = true;
    this.peer?.end('closed');
    if (this.peer !== null) this.end('closed');
  }

  abort(): void {
    if (!this.ended) this.peer?.end('lost', new LinkError('ERR_ASSOCIATION_LOST', 'aborted'));
    this.ended = true;
    this.wasAborted = true;
  }

  setPaths(state: PathState, change: CarrierPathEvent['change']): void {
    this.paths = this.paths.map((old) => ({ ...old, state }));
    for (const { address } of this.paths) this.handlers?.onPath({ address, change });
  }
}

function path(address: string, primary: boolean): CarrierPath {
  return { address, state: 'active', primary, rttMs: 1, rtoMs: 50, cwndBytes: 4380 };
}

/** One end: its link, its process, and a line for everything its owner was told. */
export interface End {
  link: Link;
  readonly carrier: MemoryCarrier;
  readonly runtime: VirtualProcess;
  readonly events: string[];
  readonly messages: UserMessage[];
  /** Outcomes of what this end sent with `say`, in the order they came. */
  readonly outcomes: string[];
}

export const KEY = Buffer.alloc(32, 7);

export function identity(name: string, changes: Partial<LocalIdentity> = {}): LocalIdentity {
  const incarnation = name.startsWith('a') ? 1n : 2n;
  return { name, incarnation, label: 'test', keys: [KEY], profile: profiles.lan, ...changes };
}

export interface PairOptions {
  readonly seed?: string;
  readonly dialler?: Partial<LocalIdentity>;
  readonly acceptor?: Partial<LocalIdentity>;
  readonly expectedName?: string;
  readonly linkNumber?: number;
  /** What the acceptor's owner does about an authenticated peer; `accept` by default. */
  readonly onAuthenticated?: (link: Link) => void;
  readonly handlers?: Partial<LinkHandlers>;
}

/** Dialler `a` and acceptor `b`. */
export class Pair {
  readonly time = new VirtualTime();
  readonly a: End;
  readonly b: End;

  constructor(readonly options: PairOptions = {}) {
    const seed = options.seed ?? 'pair';
    const carriers = [new MemoryCarrier(), new MemoryCarrier()] as const;
    carriers[0].peer = carriers[1];
    carriers[1].peer = carriers[0];
    this.a = this.#end('dialler', carriers[0], `${seed}/a`);
    this.b = this.#end('acceptor', carriers[1], `${seed}/b`);
  }

  #end(role: 'dialler' | 'acceptor', carrier: MemoryCarrier, seed: string): End {
    const { options } = this;
    const { time } = this;
    const random = new SeededRandom(seed);
    const runtime = new VirtualProcess({ name: role, time, random, hasNoPromises: true });
    const events: string[] = [];
    const messages: UserMessage[] = [];
    const end = { carrier, runtime, events, messages, outcomes: [] } as unknown as End;
    const decide = options.onAuthenticated ?? ((link: Link) => link.accept());
    const handlers: LinkHandlers = {
      onAuthenticated: (peer, linkNumber) => {
        events.push(`authenticated ${peer.name} ${linkNumber}`);
        decide(end.link);
      },
      onUp: (peer) => void events.push(`up ${peer.name}`),
      onMessage: (message) => {
        messages.push(message);
        return undefined;
      },
      onStalled: () => void events.push('stalled'),
      onResumed: () => void events.push('resumed'),
      onPath: (event) => void events.push(`path ${event.address} ${event.change}`),
      onDrain: () => void events.push('drain'),
      onEnd: (why, error) => void events.push(`end ${why} ${error?.code ?? '-'}`),
      ...options.handlers,
    };
    const local =
      role === 'dialler' ? identity('a@x', options.dialler) : identity('b@y', options.acceptor);
    const base: LinkOptions = { role, carrier, local, runtime, handlers };
    const { expectedName, linkNumber } = options;
    end.link = createLink({
      ...base,
      ...(role === 'dialler' && expectedName !== undefined ? { expectedName } : {}),
      ...(role === 'dialler' && linkNumber !== undefined ? { linkNumber } : {}),
    });
    return end;
  }

  /** Both associations come up; then everything is delivered until nothing more happens. */
  connect(): this {
    this.b.carrier.up();
    this.a.carrier.up();
    return this.settle();
  }

  /** Everything that happens without time passing. */
  settle(): this {
    for (let rounds = 0; rounds < 10_000; rounds++) {
      let progress = false;
      for (const { runtime, carrier } of [this.a, this.b]) {
        if (!runtime.frozen && runtime.endTurn()) progress = true;
        if (!runtime.frozen && carrier.deliver()) progress = true;
      }
      while (this.time.nextMs <= this.time.nowMs) progress = this.time.step();
      if (!progress) return this;
    }
    throw new Error('the two ends never come to rest');
  }

  /** Moves time: timers run first, then what has arrived is read, as in libuv. */
  advance(ms: number): this {
    const target = this.time.nowMs + ms;
    this.settle();
    while (this.time.nextMs <= target) {
      do this.time.step();
      while (this.time.nextMs <= this.time.nowMs);
      this.settle();
    }
    this.time.nowMs = target;
    return this.settle();
  }

  /** Cuts or heals both directions; a cut loses nothing for good, the association retransmits. */
  cut(): () => void {
    const held: (() => void)[] = [];
    const restore: (() => void)[] = [];
    for (const { carrier } of [this.a, this.b]) {
      const before = carrier.filter;
      carrier.filter = (stream, data) => {
        const peer = carrier.peer;
        held.push(() => void peer?.inbox.push({ stream, data }));
        return [];
      };
      restore.push(() => {
        carrier.filter = before;
      });
    }
    return () => {
      for (const undo of restore) undo();
      for (const deliver of held) deliver();
    };
  }
}

/** Sends a message whose outcome is noted as `body: outcome`. */
export function say(
  end: End,
  body: string,
  options: Partial<MessageOptions> & { topic?: string } = {},
): void {
  const { topic, ...rest } = options;
  end.link.send(send(body, topic), { orderKey: '', ...rest }, (outcome) => {
    const code = outcome.type === 'delivered' && outcome.code ? ` ${outcome.code}` : '';
    end.outcomes.push(`${body}: ${outcome.type}${code}`);
  });
}

/** Records of anybody's making reach `to` as the next bundle of a peer that does not seal. */
export function inject(to: End, stream: number, records: Buffer): void {
  const from = to.carrier.peer!;
  const isBundle = ({ data }: { data: Buffer }) => data[3] === FrameType.bundle;
  const sequence = from.sent.filter((frame) => frame.stream === stream && isBundle(frame)).length;
  const bundle = Buffer.concat([Buffer.alloc(BUNDLE_HEADER_BYTES), records]);
  writeBundleHeader(bundle, bundle.length, { loose: false, generation: 0, sequence });
  to.carrier.inbox.push({ stream, data: bundle });
}

export function send(body: string, topic = 't'): UserMessage {
  return { kind: 'send', id: 0, topic, encoding: 'bytes', body: Buffer.from(body) };
}
