/** What this adapter touches of Moleculer: the same in 0.14 and 0.15, whose own types differ. */

/** One packet of Moleculer's protocol. */
export interface Packet {
  /** Its class: `REQ`, `RES`, `EVENT`, `INFO`, `HEARTBEAT` ... */
  readonly type: string;
  /** The nodeID it is for; nothing: all nodes. */
  readonly target?: string | null;
  readonly payload: PacketPayload;
}

export interface PacketPayload {
  /** nodeID of whoever sent it. */
  readonly sender?: unknown;
  /** Of a request and all that belongs to it. */
  readonly id?: unknown;
  /** Number of a piece of a stream, from 0; nothing for what is no stream. */
  readonly seq?: number | null;
  /** Whether more of a stream follows. */
  readonly stream?: boolean | null;
}

export interface Logger {
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  debug(...args: unknown[]): void;
}

export interface Discoverer {
  readonly opts: { disableHeartbeatChecks?: boolean };
  remoteNodeDisconnected(nodeID: string, isUnexpected: boolean): unknown;
}

export interface Broker {
  readonly registry: { readonly discoverer: Discoverer };
}

/** A stream at its receiving end, as far as its room is concerned. */
export interface IncomingStream {
  readonly writableNeedDrain: boolean;
  readonly destroyed: boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

export interface Transit {
  readonly broker: Broker;
  /** Streams of requests that come in, by the request's id. */
  readonly pendingReqStreams: ReadonlyMap<unknown, { readonly stream: IncomingStream }>;
  /** Streams of answers that come in, by the request's id. */
  readonly pendingResStreams: ReadonlyMap<unknown, IncomingStream>;
}

type MessageHandler = (cmd: string, packet: Packet) => unknown;
type AfterConnect = (wasReconnect?: boolean) => Promise<unknown>;

/** Moleculer's own base of all transporters. */
export interface BaseTransporter {
  connected: boolean;
  /** Set by `init`. */
  readonly transit: Transit;
  readonly broker: Broker;
  readonly nodeID: string;
  readonly logger: Logger;
  readonly messageHandler: MessageHandler;
  init(transit: Transit | undefined, handler: MessageHandler, afterConnect: AfterConnect): void;
  onConnected(wasReconnect?: boolean): Promise<unknown>;
  /** A name for a packet class in this namespace, and for one node where it is given. */
  getTopicName(cmd: string, nodeID?: string): string;
  serialize(packet: Packet): Buffer;
  deserialize(cmd: string, data: Buffer): Packet | null;
  /** What middlewares wrap, on the way out. */
  send(topic: string, data: Buffer, meta: object): Promise<void>;
  /** What middlewares wrap, on the way in. */
  receive(cmd: string, data: Buffer, from?: unknown): unknown;
}

/** An error of Moleculer. */
export interface Failure extends Error {
  readonly code: number;
  readonly type: string;
  readonly data: object;
  cause?: unknown;
}

/** The class of one: message, number, type, and what it is about. */
export type ErrorClass = new (message: string, code: number, type: string, data: object) => Failure;

/** The module `moleculer`, as far as it is used. */
export interface MoleculerModule {
  readonly Transporters: {
    readonly Base: new (options?: object) => BaseTransporter;
    register(name: string, transporter: unknown): void;
  };
  readonly Errors: {
    readonly MoleculerError: ErrorClass;
    /** Of what may succeed when it is tried again. */
    readonly MoleculerRetryableError: ErrorClass;
  };
}
