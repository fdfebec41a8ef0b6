import assert from 'node:assert/strict';
import test from 'node:test';
import { makeEntry, ORIGIN } from '../../../src/config/entry.js';
import { type Message, messageBody, readMessage } from '../../../src/config/messages.js';
import type { Request } from '../../../src/config/replica-io.js';
import { limits } from '../../../src/limits.js';
import { decodeBody, encodeBody } from '../../../src/wire/payload.js';
import { commanded, idOf, write } from './cluster.js';

const hash = '5'.repeat(64);
const at = { revision: 4, hash };
const ids = { clusterId: idOf('c'), lineage: idOf('L') };
const record = {
  ...ids,
  epoch: 1,
  masters: [{ name: 'a@h1', storeId: idOf('s') }],
  parent: null,
  ancestors: [],
  cause: { kind: 'bootstrap', by: 'me', atMs: 1 },
} as const;

const requests: Request[] = [
  write({ write: [{ put: 'cluster/x', value: 1 }] }),
  write({ write: [{ put: 'cluster/x', value: 1 }] }, { askedAt: 7 }),
  { type: 'read', isFresh: true, seen: null },
  { type: 'read', isFresh: false, seen: { lineage: idOf('L'), revision: 3 } },
  commanded({ type: 'bootstrap', masters: ['a@h1', 'b@h2'], ...ids }),
  commanded({ type: 'add', name: 'a@h1' }),
  commanded({ type: 'remove', name: 'a@h1' }),
  commanded({ type: 'force', lineage: idOf('L2') }),
  commanded({ type: 'forget' }),
];

const hello = {
  type: 'hello',
  from: idOf('from'),
  storeId: idOf('s'),
  last: at,
  committed: ORIGIN,
  canStore: true,
  isSlave: false,
} as const;

const messages: Message[] = [
  { ...hello, to: null, record: null },
  { ...hello, to: idOf('to'), record },
  { type: 'follow', ticket: 1, at, committed: ORIGIN, lineage: idOf('L') },
  { type: 'follow', ticket: 2, at: ORIGIN, committed: ORIGIN, lineage: null },
  { type: 'unfollow', ticket: 1 },
  { type: 'entries', ticket: 1, committed: 9, entries: [Buffer.from('a'), Buffer.from('b')] },
  { type: 'snapshot', ticket: 1, base: { ...at, record: Buffer.from('r') } },
  {
    type: 'piece',
    ticket: 1,
    items: [{ key: Buffer.from('k'), value: Buffer.from('v') }],
    digest: null,
  },
  { type: 'piece', ticket: 1, items: [], digest: hash },
  { type: 'taken', ticket: 1, messages: 3, stored: 4 },
  { type: 'end', ticket: 1, code: 'ERR_DIVERGED' },
  ...requests.map((request) => ({ type: 'request', id: 1, request, waitMs: 5, hops: 0 }) as const),
  { type: 'answer', id: 1, answer: { type: 'committed', lineage: idOf('L'), revision: 3 } },
  { type: 'answer', id: 1, answer: { type: 'failed', failed: 2, lineage: idOf('L'), revision: 3 } },
  { type: 'answer', id: 1, answer: { type: 'read', lineage: idOf('L'), revision: 3 } },
  { type: 'answer', id: 1, answer: { type: 'done', lineage: idOf('L'), epoch: 3 } },
  { type: 'answer', id: 1, answer: { type: 'error', code: 'ERR_REPLICAS', message: 'no' } },
  { type: 'confirm', round: 1 },
  { type: 'confirmed', round: 1, isFollowing: true },
  { type: 'invite' },
  { type: 'freeze', isFrozen: true },
];

/** As it comes out at the other end of a link. */
function sent(value: unknown): unknown {
  const { encoding, body } = encodeBody(value);
  return decodeBody(encoding, Buffer.from(body));
}

test('every message is read as it was written', () => {
  for (const message of messages) {
    assert.deepEqual(readMessage(sent(messageBody(message))), message);
  }
});

test('what is not a message is a ProtocolError', () => {
  const wrong: unknown[] = [
    null,
    7,
    {},
    [],
    [0],
    [99],
    ['hello'],
    [1],
    [3],
    [3, 'x'],
    [3, -1],
    [3, 1, 1],
  ];
  for (const message of messages) {
    const body = messageBody(message);
    wrong.push([...body, 1], body.slice(0, -1).concat(body.length > 1 ? [] : [0]));
    for (let place = 1; place < body.length; place++) {
      for (const other of [undefined, {}, [[]], 'ERR', -1, 1.5, Buffer.alloc(3)]) {
        wrong.push(body.map((field, index) => (index === place ? other : field)));
      }
    }
  }
  for (const body of wrong) {
    let read: Message;
    try {
      read = readMessage(body);
    } catch (error) {
      assert.match(String((error as { code?: string }).code), /^ERR_(PROTOCOL|VERSION)$/);
      continue;
    }
    // What is read in spite of that says something that can be written.
    assert.deepEqual(readMessage(sent(messageBody(read))), read);
  }
});

test('lists in messages are bounded', () => {
  const entries = new Array(limits.configBatchEntries + 1).fill(Buffer.alloc(0));
  assert.throws(() => readMessage([4, 1, 1, entries]), { code: 'ERR_PROTOCOL' });
  const items = new Array(limits.configPieceItems + 1).fill([Buffer.alloc(0), Buffer.alloc(0)]);
  assert.throws(() => readMessage([6, 1, items, null]), { code: 'ERR_PROTOCOL' });
});

test('the largest batch of entries fits into one message', () => {
  const body = Buffer.alloc(limits.configEntryBytes);
  const fields = { kind: 'transaction', epoch: 1, requestId: idOf('r'), body } as const;
  const { bytes } = makeEntry(ORIGIN, fields);
  sent(messageBody({ type: 'entries', ticket: 1, committed: 1, entries: [bytes] }));
});

test('the bytes of messages stay what they are', () => {
  const [from, store, lineage] = [idOf('from'), idOf('s'), idOf('L')];
  const places = `8204${'5820'}${'55'.repeat(32)}8200${'5820'}${'00'.repeat(32)}`;
  const golden: [Message, string][] = [
    [{ ...hello, to: null, record: null }, `8a010150${from}f650${store}f6${places}f5f4`],
    [
      { type: 'follow', ticket: 1, at, committed: ORIGIN, lineage: idOf('L') },
      `850201${places}50${lineage}`,
    ],
    [{ type: 'entries', ticket: 1, committed: 9, entries: [Buffer.from('a')] }, '84040109814161'],
    [{ type: 'taken', ticket: 1, messages: 3, stored: 4 }, '8407010304'],
    [{ type: 'confirm', round: 1 }, '820b01'],
  ];
  for (const [message, hex] of golden) {
    assert.equal(Buffer.from(encodeBody(messageBody(message)).body).toString('hex'), hex);
  }
});

test('a peer of another version is told apart, whatever else its hello holds', () => {
  const [kind, version, ...fields] = messageBody({ ...hello, to: null, record: null });
  for (const other of [
    [kind, 2, ...fields],
    [kind, 2, ...fields, 'more'],
    [kind, 2],
  ]) {
    assert.throws(() => readMessage(other), { code: 'ERR_VERSION' });
  }
  assert.throws(() => readMessage([kind, version, ...fields, 'more']), { code: 'ERR_PROTOCOL' });
});
