/** What an association says to a call it cannot carry out. */
import { SctpError } from '../errors.js';
import { limits } from '../limits.js';
import type { AssociationState } from './association.js';

/** Not in this state. */
export function notUp(state: AssociationState): SctpError {
  if (state === 'connecting') return new SctpError('ERR_STATE', 'the association is not up yet');
  if (state === 'closing') {
    return new SctpError('ERR_STATE', 'the association is being shut down');
  }
  return new SctpError('ERR_CLOSED', 'the association is closed');
}

/** `length` is -1 for what is not bytes at all. */
export function badLength(length: number, mostBytes: number): SctpError {
  if (length < 0) return new SctpError('ERR_ARGUMENT', 'data must be a Buffer or Uint8Array');
  if (length === 0) {
    return new SctpError('ERR_MESSAGE_EMPTY', 'SCTP has no empty messages (RFC 9260, 3.3.1)');
  }
  const text = `${length} bytes, at most ${mostBytes} are taken`;
  return new SctpError('ERR_MESSAGE_TOO_LARGE', text);
}

export function badStream(stream: number, streams: number): SctpError {
  return new SctpError('ERR_ARGUMENT', `stream ${stream} is not one of 0 to ${streams - 1}`);
}

export function queueFull(queuedBytes: number): SctpError {
  const text = `${queuedBytes} bytes wait already, at most ${limits.sendQueueHardBytes} may`;
  return new SctpError('ERR_QUEUE_FULL', text);
}
