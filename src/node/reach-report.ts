/**
 * What a node tells its peers about whom it reaches, as the body of a message: a CBOR array of a
 * boolean and three lists of names, `[full, reached, missed, gone]`.
 */
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { isFullName } from './names.js';

/** The first of a link tells all; those after it what changed since the one before. */
export interface ReachReport {
  readonly full: boolean;
  /** It has a link with these. */
  readonly reached: readonly string[];
  /** It wants one with these, or lost one without being left, and has none. */
  readonly missed: readonly string[];
  /** Neither any more. Empty when full. */
  readonly gone: readonly string[];
}

/** As it is sent. */
export function reportBody({ full, reached, missed, gone }: ReachReport): unknown {
  return [full, reached, missed, gone];
}

function readNames(list: unknown): string[] {
  if (Array.isArray(list) && list.length <= limits.reachNames && list.every(isFullName)) {
    return list;
  }
  throw new ProtocolError('ERR_PROTOCOL', 'a report of reachability holds no list of names');
}

/**
 * Reads what a peer sent.
 * @throws ProtocolError ERR_PROTOCOL: another shape, no names, or over limits.reachNames in a list.
 */
export function readReport(body: unknown): ReachReport {
  if (!Array.isArray(body) || body.length !== 4 || typeof body[0] !== 'boolean') {
    throw new ProtocolError('ERR_PROTOCOL', 'a report of reachability is an array of four');
  }
  const [full, reached, missed, gone] = body as [boolean, unknown, unknown, unknown];
  return {
    full,
    reached: readNames(reached),
    missed: readNames(missed),
    gone: readNames(gone),
  };
}
