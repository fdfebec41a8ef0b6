import assert from 'node:assert/strict';
import test from 'node:test';
import { makeEntry, ORIGIN } from '../../../src/config/entry.js';
import { type Message, messageBody, readMessage } from '../../../src/config/messages.js';
import { limits } from '../../../src/limits.js';
import { decodeBody, encodeBody } from '../../../src/wire/payload.js';
import { idOf } from './cluster.js';
import { at, hello, messages } from './sample-messages.js';

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
    // What has no text: it is not to be told.
    [{ toString: null }],
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
    [{ ...hello, to: null, record: null }, `8b010250${from}f650${store}f6${places}f5f4f4`],
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
    [kind, 3, ...fields],
    [kind, 3, ...fields, 'more'],
    [kind, 3],
  ]) {
    assert.throws(() => readMessage(other), { code: 'ERR_VERSION' });
  }
  assert.throws(() => readMessage([kind, version, ...fields, 'more']), { code: 'ERR_PROTOCOL' });
});
