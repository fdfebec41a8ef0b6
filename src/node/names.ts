/** Names of nodes, clusters and topics, checked. */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { RESERVED_TOPICS } from '../wire/records.js';
import { isWellFormed } from '../wire/text.js';

// Visible characters without spaces, so that a name stands in a log line, a file name and a shell
// word.
const NAME = /^[A-Za-z0-9._-]+@[A-Za-z0-9._:-]+$/;

/** Nodes tell each other on it whom they reach; see reach-report.ts. */
export const REACH_TOPIC = 'backplane:reach';

/** Every node answers a call of this topic with the body it was given. */
export const PING_TOPIC = 'backplane:ping';

/** Whether this is the full name of a node. */
export function isFullName(name: unknown): name is string {
  if (typeof name !== 'string' || !NAME.test(name)) return false;
  return Buffer.byteLength(name) <= limits.nodeNameBytes;
}

/**
 * The full name of a node, `name@host`.
 * @param name with or without `@host`
 * @param host stands in where the name has none
 * @throws NodeError ERR_ARGUMENT: not of letters, digits and `._-` (a host also `:`), or over
 *   limits.nodeNameBytes.
 */
export function fullName(name: unknown, host: string): string {
  if (typeof name !== 'string') throw new NodeError('ERR_ARGUMENT', 'name must be a string');
  const full = name.includes('@') ? name : `${name}@${host}`;
  if (!isFullName(full)) {
    throw new NodeError(
      'ERR_ARGUMENT',
      `${JSON.stringify(full)} is not a node's name: name@host, letters, digits and ._- in both, ` +
        `at most ${limits.nodeNameBytes} bytes`,
    );
  }
  return full;
}

/**
 * A cluster's label.
 * @throws NodeError ERR_ARGUMENT: not a string, or over limits.clusterLabelBytes.
 */
export function checkLabel(label: unknown): string {
  if (typeof label === 'string' && Buffer.byteLength(label) <= limits.clusterLabelBytes) {
    return label;
  }
  throw new NodeError(
    'ERR_ARGUMENT',
    `label must be a string of at most ${limits.clusterLabelBytes} bytes`,
  );
}

/**
 * A topic users may handle, send to and call.
 * @throws NodeError ERR_ARGUMENT: not a string, empty, over limits.topicBytes.
 */
export function checkTopic(topic: unknown): string {
  if (typeof topic === 'string' && topic.length > 0 && isWellFormed(topic)) {
    // Three bytes at most for each UTF-16 unit: short topics, nearly all, need no count.
    if (topic.length * 3 <= limits.topicBytes) return topic;
    if (Buffer.byteLength(topic) <= limits.topicBytes) return topic;
  }
  throw new NodeError(
    'ERR_ARGUMENT',
    `a topic is a well-formed string of 1 to ${limits.topicBytes} bytes, ` +
      `not ${JSON.stringify(topic)}`,
  );
}

/**
 * A topic of a program's own, not one of the node's.
 * @throws NodeError ERR_ARGUMENT: as `checkTopic`, or reserved.
 */
export function checkOwnTopic(topic: unknown): string {
  const checked = checkTopic(topic);
  // Nearly all are told apart by their first letter.
  if (checked[0] !== 'b' || !checked.startsWith(RESERVED_TOPICS)) return checked;
  throw new NodeError('ERR_ARGUMENT', `topics that begin with ${RESERVED_TOPICS} are reserved`);
}

/**
 * What messages are kept in order by, beside their topic.
 * @throws NodeError ERR_ARGUMENT: not a string.
 */
export function checkOrderKey(orderKey: unknown): string {
  if (typeof orderKey === 'string') return orderKey;
  throw new NodeError('ERR_ARGUMENT', 'orderKey must be a string');
}
