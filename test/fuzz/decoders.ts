/** Every decoder of the package that reads what a peer sent. A new one is an entry here. */

import { ProtocolError } from '../../src/errors.js';
import { Inbox } from '../../src/link/inbox.js';
import { StreamMap } from '../../src/link/streams.js';
import { readCancel, readCredit, readNames } from '../../src/node/control.js';
import { timingOf } from '../../src/timing/check.js';
import { profiles } from '../../src/timing/profiles.js';
import { BUNDLE_HEADER_BYTES, readBundleHeader, writeBundleHeader } from '../../src/wire/bundle.js';
import {
  currentOffer,
  decodeHandshakeFrame,
  encodeIntroduction,
  encodeProof,
  encodeRefuse,
  type Introduction,
} from '../../src/wire/handshake-frames.js';
import { decodeBody, encodeBody } from '../../src/wire/payload.js';
import { RecordReader } from '../../src/wire/records.js';
import type { SeededRandom } from '../random.js';
import { encode, everyRecord, message } from '../unit/wire/sample-records.js';
import { CborGrammar } from './cbor.js';
import { configDecoders } from './config-decoders.js';

/** How one decoder is fuzzed. */
export interface FuzzedDecoder {
  readonly name: string;
  /** Valid inputs; faults are made in copies of them. All of them are tried as they are, too. */
  readonly samples: readonly Buffer[];
  /** Takes an input or throws a ProtocolError. */
  readonly decode: (data: Buffer) => unknown;
  /**
   * Where the frame's own length stands, in 4 bytes: every other time it is put right after the
   * faults were made, or few would get past that check.
   */
  readonly lengthAt?: number;
  /** Inputs by a grammar, for every third of them. */
  readonly generate?: (random: SeededRandom) => Buffer;
}

/** Inputs have at most so many bytes, or nearly. */
export const INPUT_BYTES = 16 * 1024;

const FRAME_LENGTH_AT = 4;

const introduction: Introduction = {
  offer: currentOffer,
  timing: timingOf(profiles.lan),
  linkNumber: 3,
  incarnation: 2n ** 63n,
  nonce: Buffer.alloc(32, 1),
  publicKey: Buffer.alloc(32, 2),
  keyId: Buffer.alloc(8, 3),
  name: 'kölle@host',
  label: 'label',
};

const bodies: readonly unknown[] = [
  { id: 7, name: 'grüße', on: true, at: new Date(1e12), list: [1, 2.5, -3], none: null },
  [new Map<unknown, unknown>([[1, 'a']]), new Set(['x', 7n]), 2n ** 80n, -(2n ** 1000n)],
  [new Float64Array([1, 2]), new Int8Array(3), new BigUint64Array(1), Buffer.from('bytes')],
  { error: Object.assign(new RangeError('over'), { code: 'ERR_OVER' }), nested: [[[[{}]]]] },
  Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key${i}`, i])),
  'x'.repeat(300),
];

const cborBodies = bodies.map((body) => Buffer.from(encodeBody(body).body));
const grammar = new CborGrammar(INPUT_BYTES);

/** Small ones mostly: they fail in the same places, and more of them are tried. */
function cborOfAnySize(random: SeededRandom): Buffer {
  if (random.once(2000)) return grammar.body(random, INPUT_BYTES);
  return grammar.body(random, random.once(8) ? random.below(600) : 0);
}

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const records: readonly Buffer[] = [
  everyRecord(),
  encode(message({ topic: 'tøpic' })),
  encode(message({ kind: 'call', id: 9, encoding: 'cbor', body: cborBodies[0]! })),
  encode(message({ kind: 'reply', id: 2 ** 50, topic: '', encoding: 'cbor' })),
  encode(message({ kind: 'failure', id: 1, topic: '', body: Buffer.alloc(0) })),
  encode(message({ kind: 'item', id: 1, topic: '' })),
  encode(message({ kind: 'stream', id: 2, traceparent: TRACE })),
  encode(message({ kind: 'publish', traceparent: TRACE })),
  Buffer.concat([encode(message()), encode(message()), encode(message({ topic: 'other' }))]),
];

const bundles: readonly Buffer[] = records.map((data) => {
  const bundle = Buffer.concat([Buffer.alloc(BUNDLE_HEADER_BYTES), data]);
  writeBundleHeader(bundle, bundle.length, { loose: false, generation: 0, sequence: 0 });
  return bundle;
});

const reader = new RecordReader();

function readAll(data: Buffer): void {
  reader.start(data);
  while (reader.next() !== null);
}

/** All that a peer's bundle passes, but for the cipher. */
function receive(data: Buffer): void {
  const secret = { secret: Buffer.alloc(32), transcriptHash: Buffer.alloc(32), aead: null };
  const inbox = new Inbox(new StreamMap(5), secret, 'dialler', {
    onMessage: () => undefined,
    onSign: () => {},
    onAck: () => {},
    onRefusal: () => {},
    onCredit: () => {},
    onReturned: () => {},
    isOver: () => false,
  });
  inbox.receive(4, data);
}

/** What a node tells another: one of the three is what it was meant for. */
function readControl(data: Buffer): void {
  const body = decodeBody('cbor', data);
  let refused: unknown = null;
  for (const read of [readCancel, readCredit, readNames]) {
    try {
      read(body);
      return;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused = error;
    }
  }
  throw refused;
}

export const decoders: readonly FuzzedDecoder[] = [
  {
    name: 'handshake frames',
    samples: [
      encodeIntroduction('hello', introduction),
      encodeIntroduction('challenge', introduction),
      encodeProof('response', Buffer.alloc(32, 4)),
      encodeProof('welcome', Buffer.alloc(32, 5)),
      encodeRefuse('ERR_VERSION'),
    ],
    decode: decodeHandshakeFrame,
    lengthAt: FRAME_LENGTH_AT,
  },
  {
    name: 'bundle headers',
    samples: bundles,
    decode: readBundleHeader,
    lengthAt: FRAME_LENGTH_AT,
  },
  {
    name: 'records',
    samples: records,
    decode: readAll,
  },
  {
    name: 'bundles on a link that is not sealed',
    samples: bundles,
    decode: receive,
    lengthAt: FRAME_LENGTH_AT,
  },
  {
    name: 'CBOR bodies',
    samples: cborBodies,
    decode: (data) => decodeBody('cbor', data),
    generate: cborOfAnySize,
  },
  {
    name: 'messages of nodes',
    samples: [
      [7, 'cancelled'],
      [7, 65_536],
      [['topic'], ['other', 'tøpic']],
    ].map((value) => Buffer.from(encodeBody(value).body)),
    decode: readControl,
  },
  ...configDecoders(cborOfAnySize),
];
