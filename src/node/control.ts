/**
 * What nodes say to each other beside the messages of their programs: `send`s of reserved topics on
 * the link's own stream. What a peer says there is checked here.
 */
import { BackplaneError, type ErrorCode, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { MessageOptions, Outcome } from '../link/types.js';
import { encodeBody } from '../wire/payload.js';
import type { CallsSetup, PendingCalls } from './calls.js';
import { cancellation } from './handling.js';
import type { LiveLink } from './live-link.js';

/** `[number, why]`: the caller waits no more, 'cancelled' or past its 'deadline'. */
export const CANCEL_TOPIC = 'backplane:cancel';
/** `[number, bytes]`: so much of this stream may be begun in all. */
export const CREDIT_TOPIC = 'backplane:credit';
/** `[number, code]`: the answer to this call was not sent, for this reason, and will not be. */
export const UNANSWERED_TOPIC = 'backplane:unanswered';
/** `[added, removed]`: topics the sender subscribes to. */
export const SUBSCRIPTIONS_TOPIC = 'backplane:subscriptions';
/** `[added, removed]`: groups the sender is a member of. */
export const GROUPS_TOPIC = 'backplane:groups';

/** What replicas of the configuration say to each other; bytes, on a stream of their own. */
export const CONFIGURATION_TOPIC = 'backplane:configuration';

/** Who is told of names. */
interface Receiver {
  receive(live: LiveLink, body: unknown): void;
}

/** Why a call was given up. */
export type CancelReason = 'cancelled' | 'deadline';

const CONTROL = { orderKey: '', own: 'link' } as const;
const CONFIGURATION = { orderKey: '', own: 'configuration' } as const;

/** Sends one. A link that is ending takes none, and then nobody needs it. */
export function sendControl(
  live: LiveLink,
  topic: string,
  value: unknown,
  done?: (outcome: Outcome) => void,
): void {
  sendOwn(live, topic, value, CONTROL, done);
}

/** As `sendControl`, of the configuration; false when it was not taken. */
export function sendConfiguration(
  live: LiveLink,
  body: Uint8Array,
  done?: (outcome: Outcome) => void,
): boolean {
  return sendOwn(live, CONFIGURATION_TOPIC, body, CONFIGURATION, done);
}

/**
 * Says that a call gets no answer, because there is no room for one. That many calls a peer may
 * have waiting; one that counts on more, and acknowledges nothing, is told nothing.
 */
export function sendUnanswered(live: LiveLink, id: number, code: ErrorCode): void {
  const { work } = live;
  if (work.unanswered >= limits.pendingCalls) return;
  work.unanswered++;
  sendControl(live, UNANSWERED_TOPIC, [id, code], () => {
    work.unanswered--;
  });
}

function sendOwn(
  { link }: LiveLink,
  topic: string,
  value: unknown,
  options: MessageOptions,
  done: ((outcome: Outcome) => void) | undefined,
): boolean {
  try {
    link.send({ kind: 'send', id: 0, topic, ...encodeBody(value) }, options, done);
    return true;
  } catch (error) {
    if (error instanceof BackplaneError && error.code === 'ERR_NO_LINK') return false;
    throw error;
  }
}

/** Tells the other end of calls what it has to know of them. */
export function callControls(
  find: (name: string) => LiveLink | undefined,
): Pick<CallsSetup, 'cancel' | 'grant'> {
  const tell = (to: string, topic: string, value: unknown) => {
    const live = find(to);
    if (live !== undefined) sendControl(live, topic, value);
  };
  return {
    cancel: (to, id, reason) => tell(to, CANCEL_TOPIC, [id, reason]),
    grant: (to, id, totalBytes) => tell(to, CREDIT_TOPIC, [id, totalBytes]),
  };
}

/** What each of these messages does; a ProtocolError where it is malformed. */
export function controlHandlers(
  calls: Pick<PendingCalls, 'fail'>,
  subscriptions: Receiver,
  groups: Receiver,
): Map<string, (live: LiveLink, body: unknown) => void> {
  return new Map([
    [
      CANCEL_TOPIC,
      ({ work }: LiveLink, body: unknown) => {
        const { id, isDeadline } = readCancel(body);
        work.cancel(id, cancellation(isDeadline));
      },
    ],
    [
      CREDIT_TOPIC,
      ({ work }: LiveLink, body: unknown) => {
        const { id, totalBytes } = readCredit(body);
        work.producers.get(id)?.grant(totalBytes);
      },
    ],
    [
      UNANSWERED_TOPIC,
      ({ name }: LiveLink, body: unknown) => {
        const { id, code } = readUnanswered(body);
        calls.fail(name, id, { handled: true, code, message: 'its answer could not be sent' });
      },
    ],
    [SUBSCRIPTIONS_TOPIC, (live, body) => subscriptions.receive(live, body)],
    [GROUPS_TOPIC, (live, body) => groups.receive(live, body)],
  ]);
}

/** @throws ProtocolError ERR_PROTOCOL, as the others. */
export function readCancel(body: unknown): { id: number; isDeadline: boolean } {
  const [id, reason] = readPair(body);
  if (!isNumber(id) || (reason !== 'cancelled' && reason !== 'deadline')) throw broken('a cancel');
  return { id, isDeadline: reason === 'deadline' };
}

export function readCredit(body: unknown): { id: number; totalBytes: number } {
  const [id, totalBytes] = readPair(body);
  if (!isNumber(id) || !isNumber(totalBytes)) throw broken('credit of a stream');
  return { id, totalBytes };
}

export function readUnanswered(body: unknown): { id: number; code: string } {
  const [id, code] = readPair(body);
  if (!isNumber(id) || !isName(code)) throw broken('what tells of a missing answer');
  return { id, code };
}

/** Names that were added and removed. */
export function readNames(body: unknown): { added: string[]; removed: string[] } {
  const [added, removed] = readPair(body);
  if (!isNames(added) || !isNames(removed)) throw broken('names that are shared');
  return { added, removed };
}

function readPair(body: unknown): [unknown, unknown] {
  if (Array.isArray(body) && body.length === 2) return body as [unknown, unknown];
  throw broken('a message between nodes');
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isNames(value: unknown): value is string[] {
  if (!Array.isArray(value) || value.length > limits.sharedNamesPerMessage) return false;
  return value.every(isName);
}

function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0) return false;
  return Buffer.byteLength(value) <= limits.topicBytes;
}

function broken(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `${what} that is malformed`);
}
