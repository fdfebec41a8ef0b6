/** Decoders of the configuration: what replicas say to each other, and what they find on a disk. */
import { makeEntry, ORIGIN, readEntry } from '../../src/config/entry.js';
import { encodeRecord, readRecord } from '../../src/config/epoch-record.js';
import { messageBody, readMessage } from '../../src/config/messages.js';
import { BEGIN, PartsReader, partsOf } from '../../src/config/parts.js';
import { ConfigState, loadState } from '../../src/config/state.js';
import type { BaseItem } from '../../src/config/store-contract.js';
import {
  DamagedRecord,
  emptyStore,
  entryRecord,
  itemRecord,
  readStore,
  type StoreRecord,
  setAsideRecords,
} from '../../src/config/store-records.js';
import {
  checkTransaction,
  decodeOperations,
  decodeTransaction,
  encodeOperations,
  encodeTransaction,
} from '../../src/config/transaction.js';
import { ProtocolError } from '../../src/errors.js';
import { crc32 } from '../../src/runtime/checksum.js';
import { decodeBody, encodeBody } from '../../src/wire/payload.js';
import type { SeededRandom } from '../random.js';
import { idOf } from '../unit/config/cluster.js';
import { messages, record } from '../unit/config/sample-messages.js';
import type { FuzzedDecoder } from './decoders.js';

const CHECKSUM_BYTES = 4;

const transactions = [
  {
    compare: [
      { key: 'cluster/mode', exists: true },
      { key: 'hosts/h1/rack', revision: 17 },
      { key: 'hosts/h1/nodes/web/owner', value: 'anna' },
    ],
    write: [
      { deletePrefix: 'hosts/h1/nodes/old' },
      { put: 'hosts/h1/nodes/old/port', value: 80 },
      { delete: 'cluster/owner' },
    ],
  },
  { write: [{ put: 'cluster/log/level', value: { a: [1, new Date(1e12), null] } }] },
  { write: Array.from({ length: 200 }, (_, at) => ({ put: `cluster/k/${at}`, value: at })) },
].map(checkTransaction);

const bodies = transactions.map(({ operations }) => encodeOperations(operations));
const recordBody = Buffer.from(encodeRecord(record));

const entries = [
  makeEntry(ORIGIN, { kind: 'epoch', epoch: 1, requestId: idOf('e'), body: recordBody }),
  ...bodies.map((body, at) =>
    makeEntry(ORIGIN, { kind: 'transaction', epoch: 1, requestId: idOf(`${at}`), body }),
  ),
];

/** An entry with its body, as a follower takes it. */
function readWhole(data: Buffer): void {
  const { kind, body } = readEntry(data);
  if (kind === 'epoch') readRecord(body);
  else decodeOperations(body);
}

/** Everything a state consists of. */
function itemsOf(): readonly BaseItem[] {
  const state = new ConfigState();
  let before = ORIGIN;
  for (const body of bodies) {
    const requestId = idOf(`${before.revision}`);
    const entry = makeEntry(before, { kind: 'transaction', epoch: 1, requestId, body });
    state.apply(entry);
    before = entry;
  }
  return state.part(state.revision, null, Number.POSITIVE_INFINITY).items;
}

const items = itemsOf();
const REVISION = bodies.length;

/** Pairs of bytes, each behind its length. */
function framed(pairs: Iterable<readonly [Uint8Array, Uint8Array]>): Buffer {
  const parts: Uint8Array[] = [];
  for (const pair of pairs) {
    for (const bytes of pair) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      parts.push(length, bytes);
    }
  }
  return Buffer.concat(parts);
}

/** As many whole pairs as there are. */
function unframed(data: Buffer): [Buffer, Buffer][] {
  const found: Buffer[] = [];
  for (let at = 0; at + 2 <= data.length; ) {
    const end = at + 2 + data.readUInt16BE(at);
    if (end > data.length) break;
    found.push(data.subarray(at + 2, end));
    at = end;
  }
  const pairs: [Buffer, Buffer][] = [];
  for (let at = 0; at + 1 < found.length; at += 2) pairs.push([found[at]!, found[at + 1]!]);
  return pairs;
}

const asPairs = (records: readonly StoreRecord[]) =>
  framed(records.map(({ key, value }) => [key, value ?? Buffer.alloc(0)]));

const base = { revision: 4, hash: '5'.repeat(64), record: recordBody };
const surplus = {
  lineage: idOf('L1'),
  after: { revision: 3, hash: '6'.repeat(64) },
  leftBy: idOf('L2'),
  entries: entries.slice(0, 2).map(({ bytes }) => bytes),
};

const stores = [
  emptyStore(idOf('store'), { ...ORIGIN, record: null }),
  [
    ...emptyStore(idOf('store'), base),
    ...setAsideRecords(1, surplus),
    ...items.slice(0, 20).map((item) => itemRecord(0, item)),
    ...entries.map(({ bytes }, at) => entryRecord(base.revision + 1 + at, bytes)),
  ],
].map(asPairs);

/** Checksums are put right, or nothing would be read that is behind one. */
function readRecords(data: Buffer): void {
  const records = unframed(data).map(([key, content]) => {
    const value = Buffer.from(content);
    if (value.length >= CHECKSUM_BYTES) {
      value.writeUInt32BE(crc32(value.subarray(CHECKSUM_BYTES), crc32(key)), 0);
    }
    return { key, value };
  });
  try {
    readStore(records);
  } catch (error) {
    // What the opener of a store turns into a code.
    if (!(error instanceof DamagedRecord)) throw error;
    throw new ProtocolError('ERR_PROTOCOL', error.message, { cause: error });
  }
}

/** What a link brings: parts of several messages. */
function readParts(data: Buffer): void {
  const reader = new PartsReader();
  for (const [part] of unframed(data)) {
    if (part.equals(BEGIN)) continue;
    const whole = reader.take(part);
    if (whole !== null) readMessage(decodeBody('cbor', whole));
  }
}

const sent = messages.map((message) => Buffer.from(encodeBody(messageBody(message)).body));

/** Bytes as they stand within something that is as it should be. */
const around = (make: (bytes: Buffer) => unknown) => (bytes: Buffer) =>
  Buffer.from(encodeBody(make(bytes)).body);
const transactionOf = around((value) => [1, [], [[0, 'cluster/x', value]]]);
const messageOf = around((item) => [6, 1, [[item, item]], null]);

/** All of them; `cbor` makes CBOR. */
export function configDecoders(cbor: (random: SeededRandom) => Buffer): FuzzedDecoder[] {
  const generate = (within: (bytes: Buffer) => Buffer) => (random: SeededRandom) => {
    const bytes = cbor(random);
    return random.once(2) ? within(bytes) : bytes;
  };
  return [
    {
      name: 'messages of the configuration',
      samples: sent,
      decode: (data) => readMessage(decodeBody('cbor', data)),
      generate: generate(messageOf),
    },
    {
      name: 'messages of the configuration in parts',
      samples: [
        framed([[BEGIN, Buffer.alloc(0)]]),
        framed(sent.flatMap(partsOf).map((part) => [part, Buffer.alloc(0)] as const)),
      ],
      decode: readParts,
    },
    {
      name: 'transactions',
      samples: transactions.map(encodeTransaction),
      decode: decodeTransaction,
      generate: generate(transactionOf),
    },
    { name: 'entries of the log', samples: entries.map(({ bytes }) => bytes), decode: readWhole },
    { name: 'epoch records', samples: [recordBody], decode: readRecord },
    {
      name: 'items of a snapshot',
      samples: [framed(items.slice(0, 30).map(({ key, value }) => [key, value] as const))],
      decode: (data) => {
        loadState(
          REVISION,
          unframed(data).map(([key, value]) => ({ key, value })),
        );
      },
    },
    { name: 'records of a store', samples: stores, decode: readRecords },
  ];
}
