/**
 * A stand-in for the addon: keeps options as a kernel would, records calls, and gives what a test
 * tells it to.
 */
import { aes256Gcm } from '../../../src/runtime/crypto.js';
import {
  META_STRIDE,
  NATIVE_CONTRACT,
  type NativeAddon,
  type NativeError,
  type NativeHandlers,
  type NativeNotification,
  type NativeOptions,
  type NativePathInfo,
  type NativeSocket,
  type NativeStatistics,
  type NativeStatus,
} from '../../../src/sctp/native.js';

export function nativeError(code: string, syscall: string, address?: string): NativeError {
  const error = new Error(`${syscall} ${code}`);
  return Object.assign(error, { code, errno: -1, syscall, ...(address && { address }) });
}

type Change = Extract<NativeNotification, { type: 'association' }>;

export function change(kind: Change['change'], over: Partial<Change> = {}): Change {
  return {
    type: 'association',
    change: kind,
    error: 0,
    outboundStreams: 10,
    inboundStreams: 12,
    info: new Uint8Array(0),
    ...over,
  };
}

export interface SentMessage {
  readonly data: Buffer;
  readonly stream: number;
  readonly ppid: number;
  readonly flags: number;
  readonly context: number;
}

export class FakeSocket implements NativeSocket {
  handlers!: NativeHandlers;
  readonly calls: string[] = [];
  readonly sent: SentMessage[] = [];
  readonly options = new Map<string, unknown>();
  /** Errors by method name, thrown at each call. */
  readonly failures = new Map<string, NativeError>();
  /** What reading an option gives, where it is not what was set. */
  readonly held = new Map<string, unknown>();
  queuedBytes = 0;
  closed = false;
  locals = [{ address: '10.0.0.1', port: 5000 }];
  peers = [
    { address: '10.0.0.2', port: 6000 },
    { address: '10.0.1.2', port: 6000 },
  ];
  pathStates: Record<string, NativePathInfo['state']> = {};
  primary = '10.0.0.2';
  counted: NativeStatistics = {
    maxRtoMs: 0,
    maxRtoAddress: '',
    sentPackets: 0,
    receivedPackets: 0,
    sentChunks: 0,
    receivedChunks: 0,
    retransmittedChunks: 0,
    duplicateChunks: 0,
  };
  /** Batches that `drain` hands over. */
  waiting: (() => void)[] = [];

  constructor(
    readonly addon: FakeAddon,
    readonly family: 4 | 6,
  ) {
    for (const [method, error] of addon.failures) this.failures.set(method, error);
    for (const [option, value] of addon.held) this.held.set(option, value);
  }

  #call(name: string, ...args: unknown[]): void {
    if (this.closed && name !== 'close' && name !== 'abort') {
      throw nativeError('ERR_CLOSED', name);
    }
    this.calls.push([name, ...args.map((arg) => JSON.stringify(arg))].join(' '));
    const failure = this.failures.get(name);
    if (failure !== undefined) throw failure;
  }

  attach(handlers: NativeHandlers): void {
    this.#call('attach');
    this.handlers = handlers;
  }
  setLimits(maxMessageBytes: number, lowWaterBytes: number): void {
    this.#call('setLimits', maxMessageBytes, lowWaterBytes);
  }
  bind(addresses: readonly string[], port: number): void {
    this.#call('bind', addresses, port);
  }
  addAddresses(addresses: readonly string[]): void {
    this.#call('addAddresses', addresses);
  }
  removeAddresses(addresses: readonly string[]): void {
    this.#call('removeAddresses', addresses);
  }
  listen(backlog: number): void {
    this.#call('listen', backlog);
  }
  connect(addresses: readonly string[], port: number): void {
    this.#call('connect', addresses, port);
  }
  resume(): void {
    this.#call('resume');
  }
  pause(): void {
    this.#call('pause');
  }
  drain(rounds: number): number {
    this.#call('drain', rounds);
    const batches = this.waiting.splice(0, rounds);
    for (const batch of batches) batch();
    return batches.length;
  }
  send(data: Uint8Array, stream: number, ppid: number, flags: number, context: number): number {
    if (this.closed) throw nativeError('ERR_CLOSED', 'send');
    this.sent.push({ data: Buffer.from(data), stream, ppid, flags, context });
    this.queuedBytes += data.length;
    return this.queuedBytes;
  }
  flush(): void {
    this.#call('flush');
  }
  shutdown(): void {
    this.#call('shutdown');
  }
  abort(): void {
    this.#call('abort');
    this.closed = true;
  }
  close(): void {
    this.#call('close');
    this.closed = true;
  }
  setOption<K extends keyof NativeOptions>(name: K, value: NativeOptions[K]): void {
    this.#call('setOption', name, value);
    const failure = this.failures.get(`setOption ${name}`);
    if (failure !== undefined) throw failure;
    const buffer = /^(sendBuffer|receiveBuffer)(Force)?$/.exec(name);
    if (buffer !== null) this.options.set(buffer[1]!, (value as number) * 2);
    else if (name === 'primary') this.primary = (value as NativeOptions['primary']).address;
    else this.options.set(name, value);
  }
  getOption<K extends keyof NativeOptions>(name: K): NativeOptions[K] {
    return (this.held.get(name) ?? this.options.get(name)) as NativeOptions[K];
  }
  status(): NativeStatus {
    this.#call('status');
    return {
      state: 'established',
      peerWindowBytes: 1,
      unackedChunks: 0,
      pendingChunks: 0,
      outboundStreams: 7,
      inboundStreams: 8,
      fragmentationPointBytes: 1452,
      primary: this.pathInfo(this.primary),
    };
  }
  pathInfo(address: string): NativePathInfo {
    if (!this.peers.some((peer) => peer.address === address)) {
      throw nativeError('EINVAL', 'getsockopt', address);
    }
    const state = this.pathStates[address] ?? 'active';
    return { address, port: 6000, state, cwndBytes: 4380, rttMs: 1, rtoMs: 1000, mtuBytes: 1500 };
  }
  statistics(): NativeStatistics {
    this.#call('statistics');
    return this.counted;
  }
  localAddresses() {
    this.#call('localAddresses');
    return this.locals;
  }
  peerAddresses() {
    this.#call('peerAddresses');
    return this.peers;
  }

  /** Hands over a batch of messages and notifications, in this order. */
  deliver(...entries: (NativeNotification | { data: Buffer; stream?: number; ppid?: number })[]) {
    const payloads = entries.map((entry) => ('data' in entry && !('type' in entry) ? entry : null));
    const bytes = Buffer.concat(payloads.map((entry) => entry?.data ?? Buffer.alloc(0)));
    const slab = new ArrayBuffer(bytes.length);
    new Uint8Array(slab).set(bytes);
    const notifications: NativeNotification[] = [];
    let offset = 0;
    entries.forEach((entry, i) => {
      const at = i * META_STRIDE;
      if ('type' in entry) {
        this.addon.meta.set([notifications.push(entry) - 1, -1, 0, 0, 0, 0, 0, 0], at);
        return;
      }
      const { data, stream = 0, ppid = 0 } = entry;
      this.addon.meta.set([offset, data.length, stream, ppid, i & 1, -2, i, 0], at);
      offset += data.length;
    });
    const told = notifications.length > 0 ? notifications : null;
    return this.handlers.onReceive(slab, entries.length, told);
  }
}

export class FakeAddon implements NativeAddon {
  readonly engine = 'kernel';
  readonly contract = NATIVE_CONTRACT;
  readonly meta = new Int32Array(64 * META_STRIDE);
  readonly sockets: FakeSocket[] = [];
  /** What sockets made from now on begin with. */
  readonly failures = new Map<string, NativeError>();
  readonly held = new Map<string, unknown>();
  problem: NativeError | null = null;
  readonly Socket: NativeAddon['Socket'];

  constructor() {
    const make = (family: 4 | 6): FakeSocket => {
      if (this.problem !== null) throw this.problem;
      const socket = new FakeSocket(this, family);
      this.sockets.push(socket);
      return socket;
    };
    this.Socket = function fake(family: 4 | 6) {
      return make(family);
    } as unknown as NativeAddon['Socket'];
  }

  probe(): NativeError | null {
    return this.problem;
  }

  sealAes256Gcm(...[key, nonce, frame, start, end]: Parameters<NativeAddon['sealAes256Gcm']>) {
    aes256Gcm.key(key).seal(nonce, frame as Buffer, start, end);
  }

  openAes256Gcm(...[key, nonce, frame, start]: Parameters<NativeAddon['openAes256Gcm']>) {
    const content = aes256Gcm.key(key).open(nonce, frame as Buffer, start);
    if (content !== null) frame.set(content, start);
    return content !== null;
  }

  get last(): FakeSocket {
    return this.sockets[this.sockets.length - 1]!;
  }
}
