/** Why an association ended, put together from the last notification and the socket's error. */
import { type ErrorCode, SctpError } from '../errors.js';
import type { Loss, LossReason } from './events.js';
import type { NativeError, NativeNotification } from './native.js';
import { nativeDetails } from './system-errors.js';

type AssociationChange = Extract<NativeNotification, { type: 'association' }>;

/** Errno names by which the kernel says that the peer sent ABORT. */
const ABORTED = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE']);

function reasonOf(error: NativeError | null, last: AssociationChange | null, wasUp: boolean) {
  if (!wasUp && error?.code === 'ECONNREFUSED') return 'refused';
  if (error?.code === 'ETIMEDOUT') return 'timeout';
  if (last !== null && last.info.length > 0) return wasUp ? 'aborted' : 'refused';
  if (error !== null && ABORTED.has(error.code)) return 'aborted';
  return 'failed';
}

const TEXT: Readonly<Record<LossReason, string>> = {
  refused: 'refused the association: nobody listens at that port',
  timeout: 'did not answer for as long as the timers allow',
  aborted: 'aborted the association',
  oversize: 'sent a message over the limit',
  failed: 'the association failed',
};

function codeOf(reason: LossReason, wasUp: boolean): ErrorCode {
  if (reason === 'refused') return 'ERR_REFUSED';
  if (reason === 'timeout' && !wasUp) return 'ERR_TIMEOUT';
  if (reason === 'failed' && !wasUp) return 'ERR_SYSTEM';
  return 'ERR_ASSOCIATION_LOST';
}

/**
 * @param error What the socket ended with; null at EOF.
 * @param last The notification 'lost' or 'cannot-start' that came before, if one did.
 */
export function lossOf(
  error: NativeError | null,
  last: AssociationChange | null,
  wasUp: boolean,
  address: string,
): Loss {
  const reason = reasonOf(error, last, wasUp);
  const causeCode = last === null || last.info.length === 0 ? 0 : last.error;
  const cause = causeCode === 0 ? '' : `, cause ${causeCode}`;
  const system = error === null ? '' : ` (${error.code})`;
  const details = error === null ? { address } : nativeDetails(error, address);
  const text = `peer ${address}: ${TEXT[reason]}${cause}${system}`;
  return { reason, wasUp, causeCode, error: new SctpError(codeOf(reason, wasUp), text, details) };
}

/** The loss of an association whose peer sent more than we take. */
export function oversizeLoss(bytes: number, maxBytes: number, address: string): Loss {
  const sizes = `${bytes} bytes or more, at most ${maxBytes} are taken`;
  const text = `peer ${address}: ${TEXT.oversize}: ${sizes}`;
  const error = new SctpError('ERR_MESSAGE_TOO_LARGE', text, { address });
  return { reason: 'oversize', wasUp: true, causeCode: 0, error };
}
