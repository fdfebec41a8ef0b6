import assert from 'node:assert/strict';
import test from 'node:test';
import { HANDLED_BYTES, OutcomeByte } from '../../../../src/lab/scenario/kill-protocol.js';
import { compareKills, ledgerViolations } from '../../../../src/lab/scenario/kill-verdict.js';

/** One record of the receiver's file. */
function record(number: number, sentOn = 1, handledOn = sentOn): Buffer {
  const data = Buffer.alloc(HANDLED_BYTES);
  data.writeUInt32BE(number, 0);
  data.writeUInt32BE(sentOn, 4);
  data.writeUInt32BE(handledOn, 8);
  return data;
}

const { none, delivered, unsent, expired, unknown, refused } = OutcomeByte;

test('what was told agrees with what was handled', () => {
  const outcomes = Uint8Array.of(
    delivered,
    delivered,
    delivered,
    unsent,
    expired,
    unknown,
    unknown,
  );
  const handled = Buffer.concat([0, 2, 1, 6].map((number) => record(number)));
  const ledger = compareKills(outcomes, handled);
  assert.deepEqual(ledger, {
    sent: 7,
    deliveredOnce: 3,
    duplicated: 0,
    reportedUnsent: 1,
    reportedUnknown: 2,
    unknownButDelivered: 1,
    reportedExpired: 1,
    silentlyLost: 0,
    unsentButDelivered: 0,
    expiredButDelivered: 0,
    refused: 0,
    carriedOver: 0,
    foreign: 0,
  });
  assert.deepEqual(ledgerViolations(ledger), ['3 of 7 messages were delivered, less than 60 %']);
});

test('each lie is counted, and is a violation', () => {
  const cases: readonly (readonly [string, number[], Buffer[]])[] = [
    ['messages silently lost: 1, not 0', [delivered], []],
    ['messages silently lost: 1, not 0', [none], []],
    ['messages handled twice or more: 1, not 0', [delivered], [record(0), record(0)]],
    ['messages handled twice or more: 1, not 0', [unknown], [record(0), record(0)]],
    ['messages reported unsent and handled: 1, not 0', [unsent], [record(0)]],
    ['messages reported expired and handled: 1, not 0', [expired], [record(0)]],
    ['messages refused: 1, not 0', [refused], []],
    ['messages carried over to another link: 1, not 0', [delivered], [record(0, 4, 5)]],
    ['messages handled and never sent: 1, not 0', [delivered], [record(0), record(1)]],
    ['no message was reported unsent', [delivered], [record(0)]],
  ];
  for (const [violation, outcomes, handled] of cases) {
    const ledger = compareKills(Uint8Array.from(outcomes), Buffer.concat(handled));
    assert.ok(ledgerViolations(ledger).includes(violation), violation);
  }
});

test('messages that are in no class are missed', () => {
  const ledger = compareKills(Uint8Array.of(delivered, delivered, refused), record(0));
  const missed = '1 messages are accounted for, 3 were sent';
  assert.ok(ledgerViolations(ledger).includes(missed));
});
