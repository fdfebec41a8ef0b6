/**
 * What masters and slaves say to each other, on stream 1: CBOR arrays that begin with the kind of
 * the message.
 *
 * Two machines begin with hellos. A hello that answers one names its `instance`; what comes before
 * a hello that names ours was meant for the machine that was here before us, and is dropped.
 *
 * ```
 * hello          who I am, what I have                   also whenever that changes
 * follow         send me your log from here on           stands until `unfollow` or `end`
 *   entries        the next entries, and how far all is committed
 *   snapshot       the state at a revision instead, then
 *   piece            its items; the entries after it follow
 *   taken          so many of these messages are dealt with, all to here is on my disk
 * request        a write, a read or a command, for the sequencer; the answer goes the same way back
 * confirm        do you still follow me?                 of the sequencer, for fresh reads
 * invite         follow me, you are to be a master
 * freeze         follow me and nobody else               of a master that begins a force
 * ```
 *
 * `follow` is the one way to catch up: for a master after a pause, for the sequencer itself when
 * another master's log is longer, for one that is about to be a master, for one that was left
 * behind by a force, and for slaves.
 */
import { type ErrorCode, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { Position } from './entry.js';
import { type EpochRecord, encodeRecord, readRecord } from './epoch-record.js';
import {
  hexBytes,
  malformed,
  readBoolean,
  readBytes,
  readHash,
  readId,
  readList,
  readName,
  readNumber,
} from './fields.js';
import type { Answer, Request } from './replica-io.js';
import { answerBody, readAnswer, readRequest, requestBody } from './request-messages.js';
import type { Writer } from './rights.js';
import type { BaseItem, BasePoint } from './store-contract.js';

/** What each has, at the beginning and whenever it changes in another way than by following. */
export interface Hello {
  readonly type: 'hello';
  /** The machine that says it, and the one it knows at the other end; null: none yet. */
  readonly from: string;
  readonly to: string | null;
  readonly storeId: string;
  /** The newest in the log; null: the store is empty. */
  readonly record: EpochRecord | null;
  readonly last: Position;
  readonly committed: Position;
  /** False: the store has failed, and takes nothing until it is opened anew. */
  readonly canStore: boolean;
  /** It can never be a master. */
  readonly isSlave: boolean;
  /** It is a slave that keeps nothing on a disk: a node that reads what its host has. */
  readonly isClient: boolean;
}

/** One message. `ticket` tells the feed that a follower asked for last from those before. */
export type Message =
  | Hello
  | {
      readonly type: 'follow';
      readonly ticket: number;
      readonly at: Position;
      readonly committed: Position;
      /** Lineage of that place; null at the origin. */
      readonly lineage: string | null;
    }
  | { readonly type: 'unfollow'; readonly ticket: number }
  | {
      readonly type: 'entries';
      readonly ticket: number;
      readonly committed: number;
      readonly entries: readonly Buffer[];
    }
  | { readonly type: 'snapshot'; readonly ticket: number; readonly base: BasePoint }
  | {
      readonly type: 'piece';
      readonly ticket: number;
      readonly items: readonly BaseItem[];
      /** With the last piece: SHA-256 of the base's hash and all items, in hex. */
      readonly digest: string | null;
    }
  | {
      readonly type: 'taken';
      readonly ticket: number;
      readonly messages: number;
      readonly stored: number;
    }
  /** No feed for this ticket, or no longer. */
  | { readonly type: 'end'; readonly ticket: number; readonly code: FeedEnd }
  | {
      readonly type: 'request';
      readonly id: number;
      readonly request: Request;
      /** For whose program: the sender's own, or that of one it passes on for. */
      readonly writer: Writer;
      /** How long the asker waits. */
      readonly waitMs: number;
      /** How often it was passed on before. */
      readonly hops: number;
    }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'confirm'; readonly round: number }
  | { readonly type: 'confirmed'; readonly round: number; readonly isFollowing: boolean }
  | { readonly type: 'invite' }
  | { readonly type: 'freeze'; readonly isFrozen: boolean };

/**
 * Why there is no feed.
 * - ERR_DIVERGED: your log and mine hold different entries of one lineage.
 * - ERR_LINEAGE: neither lineage comes from the other.
 * - ERR_NOT_READY: my log is not what it was; ask again.
 */
export type FeedEnd = Extract<ErrorCode, 'ERR_DIVERGED' | 'ERR_LINEAGE' | 'ERR_NOT_READY'>;
const FEED_ENDS: readonly FeedEnd[] = ['ERR_DIVERGED', 'ERR_LINEAGE', 'ERR_NOT_READY'];

/** Kinds of messages. The values are on the wire. */
const Kind = {
  hello: 1,
  follow: 2,
  unfollow: 3,
  entries: 4,
  snapshot: 5,
  piece: 6,
  taken: 7,
  end: 8,
  request: 9,
  answer: 10,
  confirm: 11,
  confirmed: 12,
  invite: 13,
  freeze: 14,
} as const satisfies Record<Message['type'], number>;

const typesByKind: ReadonlyMap<unknown, Message['type']> = new Map(
  Object.entries(Kind).map(([type, kind]) => [kind, type as Message['type']]),
);

/** A message as a value to be sent. */
export function messageBody(message: Message): readonly unknown[] {
  const kind = Kind[message.type];
  switch (message.type) {
    case 'hello':
      return [kind, ...helloFields(message)];
    case 'follow': {
      const { ticket, at, committed, lineage } = message;
      const from = lineage === null ? null : hexBytes(lineage);
      return [kind, ticket, placeBody(at), placeBody(committed), from];
    }
    case 'unfollow':
      return [kind, message.ticket];
    case 'entries':
      return [kind, message.ticket, message.committed, message.entries];
    case 'snapshot': {
      const { revision, hash, record } = message.base;
      return [kind, message.ticket, revision, hexBytes(hash), record];
    }
    case 'piece': {
      const items = message.items.map(({ key, value }) => [key, value]);
      return [kind, message.ticket, items, message.digest && hexBytes(message.digest)];
    }
    case 'taken':
      return [kind, message.ticket, message.messages, message.stored];
    case 'end':
      return [kind, message.ticket, message.code];
    case 'request': {
      const { id, request, writer, waitMs, hops } = message;
      return [kind, id, requestBody(request), [writer.name, writer.isClient], waitMs, hops];
    }
    case 'answer':
      return [kind, message.id, answerBody(message.answer)];
    case 'confirm':
      return [kind, message.round];
    case 'confirmed':
      return [kind, message.round, message.isFollowing];
    case 'invite':
      return [kind];
    case 'freeze':
      return [kind, message.isFrozen];
  }
}

/**
 * Reads what a peer sent.
 * @throws ProtocolError ERR_PROTOCOL, or ERR_VERSION, and nothing else.
 */
export function readMessage(body: unknown): Message {
  const [kind, ...fields] = readList(body, 1, 32);
  const type = typesByKind.get(kind);
  if (type === undefined) throw malformed('it is of no kind');
  const count = FIELD_COUNTS[type];
  // A hello of another version may have more.
  const isOther = type === 'hello' && fields[0] !== HELLO_VERSION;
  if (fields.length !== count && !isOther) throw malformed(`a ${type} of ${fields.length} fields`);
  return readers[type](fields);
}

const FIELD_COUNTS = {
  hello: 10,
  follow: 4,
  unfollow: 1,
  entries: 3,
  snapshot: 4,
  piece: 3,
  taken: 3,
  end: 2,
  request: 5,
  answer: 2,
  confirm: 1,
  confirmed: 2,
  invite: 0,
  freeze: 1,
} as const satisfies Record<Message['type'], number>;

type Fields = readonly unknown[];

const readers: { readonly [T in Message['type']]: (fields: Fields) => Message } = {
  hello: readHello,
  follow: ([ticket, at, committed, lineage]) => ({
    type: 'follow',
    ticket: readNumber(ticket),
    at: readPlace(at),
    committed: readPlace(committed),
    lineage: lineage === null ? null : readId(lineage),
  }),
  unfollow: ([ticket]) => ({ type: 'unfollow', ticket: readNumber(ticket) }),
  entries: ([ticket, committed, entries]) => ({
    type: 'entries',
    ticket: readNumber(ticket),
    committed: readNumber(committed),
    entries: readList(entries, 0, limits.configBatchEntries).map((bytes) =>
      readBytes(bytes, Number.POSITIVE_INFINITY),
    ),
  }),
  snapshot: ([ticket, revision, hash, record]) => ({
    type: 'snapshot',
    ticket: readNumber(ticket),
    base: {
      revision: readNumber(revision, 1),
      hash: readHash(hash),
      record: readBytes(record, limits.configEntryBytes),
    },
  }),
  piece: ([ticket, items, digest]) => ({
    type: 'piece',
    ticket: readNumber(ticket),
    items: readList(items, 0, limits.configPieceItems).map(readItem),
    digest: digest === null ? null : readHash(digest),
  }),
  taken: ([ticket, messages, stored]) => ({
    type: 'taken',
    ticket: readNumber(ticket),
    messages: readNumber(messages),
    stored: readNumber(stored),
  }),
  end: ([ticket, code]) => ({ type: 'end', ticket: readNumber(ticket), code: readFeedEnd(code) }),
  request: ([id, request, writer, waitMs, hops]) => ({
    type: 'request',
    id: readNumber(id),
    request: readRequest(request),
    writer: readWriter(writer),
    waitMs: readNumber(waitMs),
    hops: readNumber(hops),
  }),
  answer: ([id, answer]) => ({ type: 'answer', id: readNumber(id), answer: readAnswer(answer) }),
  confirm: ([round]) => ({ type: 'confirm', round: readNumber(round) }),
  confirmed: ([round, isFollowing]) => ({
    type: 'confirmed',
    round: readNumber(round),
    isFollowing: readBoolean(isFollowing),
  }),
  invite: () => ({ type: 'invite' }),
  freeze: ([isFrozen]) => ({ type: 'freeze', isFrozen: readBoolean(isFrozen) }),
};

function helloFields(hello: Hello): readonly unknown[] {
  const { from, to, storeId, record, last, committed, canStore, isSlave, isClient } = hello;
  return [
    HELLO_VERSION,
    hexBytes(from),
    to === null ? null : hexBytes(to),
    hexBytes(storeId),
    record === null ? null : encodeRecord(record),
    placeBody(last),
    placeBody(committed),
    canStore,
    isSlave,
    isClient,
  ];
}

/**
 * Of all messages here. It stands first in a hello, which comes before all else: a peer with
 * another version is refused before anything is misread.
 */
const HELLO_VERSION = 2;

function readHello(fields: Fields): Hello {
  const [version, from, to, storeId, record, last, committed, ...flags] = fields;
  const [canStore, isSlave, isClient] = flags;
  if (readNumber(version) !== HELLO_VERSION) {
    const text = `a peer with messages of version ${String(version)}, not ${HELLO_VERSION}`;
    throw new ProtocolError('ERR_VERSION', text);
  }
  if (isClient === true && isSlave !== true) throw malformed('a client that may be a master');
  return {
    type: 'hello',
    from: readId(from),
    to: to === null ? null : readId(to),
    storeId: readId(storeId),
    record: record === null ? null : readRecord(readBytes(record, limits.configEntryBytes)),
    last: readPlace(last),
    committed: readPlace(committed),
    canStore: readBoolean(canStore),
    isSlave: readBoolean(isSlave),
    isClient: readBoolean(isClient),
  };
}

function placeBody({ revision, hash }: Position): unknown {
  return [revision, hexBytes(hash)];
}

function readPlace(value: unknown): Position {
  const [revision, hash] = readList(value, 2, 2);
  return { revision: readNumber(revision), hash: readHash(hash) };
}

function readItem(value: unknown): BaseItem {
  const [key, item] = readList(value, 2, 2);
  return {
    key: readBytes(key, limits.configEntryBytes),
    value: readBytes(item, limits.configEntryBytes),
  };
}

function readWriter(value: unknown): Writer {
  const [name, isClient] = readList(value, 2, 2);
  return { name: readName(name), isClient: readBoolean(isClient) };
}

function readFeedEnd(value: unknown): FeedEnd {
  const code = FEED_ENDS.find((end) => end === value);
  if (code === undefined) throw malformed('an end without a code');
  return code;
}
