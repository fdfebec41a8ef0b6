/** What the sender was told of each message, against what the receiver wrote down. */
import { HANDLED_BYTES, OutcomeByte } from './kill-protocol.js';

/** Every message in one of these, but for the counts of what must never be. */
export interface KillCounts {
  readonly sent: number;
  /** Reported delivered and handled once. */
  readonly deliveredOnce: number;
  /** Handled more than once, whatever was reported. */
  readonly duplicated: number;
  readonly reportedUnsent: number;
  readonly reportedUnknown: number;
  readonly unknownButDelivered: number;
  readonly reportedExpired: number;
  /** Reported delivered and never handled, or without an outcome. */
  readonly silentlyLost: number;
  readonly unsentButDelivered: number;
}

/** The counts, and what else must never be. */
export interface KillLedger extends KillCounts {
  readonly expiredButDelivered: number;
  readonly refused: number;
  /** Handled on another link than the one they were sent on. */
  readonly carriedOver: number;
  /** Handled and never sent. */
  readonly foreign: number;
}

/**
 * Compares the two files.
 * @param outcomes a byte for each message, see `OutcomeByte`.
 * @param handled a record of HANDLED_BYTES for each time a message was handled.
 */
export function compareKills(outcomes: Uint8Array, handled: Buffer): KillLedger {
  const times = new Uint8Array(outcomes.length);
  let carriedOver = 0;
  let foreign = 0;
  for (let at = 0; at + HANDLED_BYTES <= handled.length; at += HANDLED_BYTES) {
    const number = handled.readUInt32BE(at);
    if (number >= times.length) foreign++;
    else times[number] = Math.min(255, (times[number] as number) + 1);
    if (handled.readUInt32BE(at + 4) !== handled.readUInt32BE(at + 8)) carriedOver++;
  }
  const count = (outcome: number, wanted: (times: number) => boolean = () => true) =>
    outcomes.reduce(
      (sum, each, i) => sum + (each === outcome && wanted(times[i] as number) ? 1 : 0),
      0,
    );
  const never = (n: number) => n === 0;
  const ever = (n: number) => n > 0;
  const { none, delivered, unsent, expired, unknown, refused } = OutcomeByte;
  return {
    sent: outcomes.length,
    deliveredOnce: count(delivered, (n) => n === 1),
    duplicated: times.reduce((sum, n) => sum + (n > 1 ? 1 : 0), 0),
    reportedUnsent: count(unsent),
    reportedUnknown: count(unknown),
    unknownButDelivered: count(unknown, ever),
    reportedExpired: count(expired),
    silentlyLost: count(delivered, never) + count(none),
    unsentButDelivered: count(unsent, ever),
    expiredButDelivered: count(expired, ever),
    refused: count(refused),
    carriedOver,
    foreign,
  };
}

/** The share of messages that must have been delivered. */
const DELIVERED_SHARE_MIN = 0.6;

/** Each broken promise about the messages, as a sentence. */
export function ledgerViolations(ledger: KillLedger): string[] {
  const zero: readonly (readonly [string, number])[] = [
    ['messages handled twice or more', ledger.duplicated],
    ['messages silently lost', ledger.silentlyLost],
    ['messages reported unsent and handled', ledger.unsentButDelivered],
    ['messages reported expired and handled', ledger.expiredButDelivered],
    ['messages refused', ledger.refused],
    ['messages carried over to another link', ledger.carriedOver],
    ['messages handled and never sent', ledger.foreign],
  ];
  const violations = zero.filter(([, n]) => n !== 0).map(([what, n]) => `${what}: ${n}, not 0`);
  const { sent, deliveredOnce, reportedUnsent, reportedUnknown, reportedExpired } = ledger;
  const sum = deliveredOnce + reportedUnsent + reportedUnknown + reportedExpired;
  if (sum !== sent) violations.push(`${sum} messages are accounted for, ${sent} were sent`);
  if (reportedUnsent === 0) violations.push('no message was reported unsent');
  if (deliveredOnce < DELIVERED_SHARE_MIN * sent) {
    violations.push(`${deliveredOnce} of ${sent} messages were delivered, less than 60 %`);
  }
  return violations;
}
