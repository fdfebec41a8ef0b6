/**
 * Which stream a message takes. Streams do not wait for each other: a lost packet holds up its own
 * stream only.
 */

import { ProtocolError } from '../errors.js';

/** Signs of life, acknowledgements when nothing else goes, and the handshake. */
export const LINK_STREAM = 0;
/** Reserved for the configuration of the cluster. */
export const CONFIGURATION_STREAM = 1;

/** A stream of the nodes' own. */
export type OwnStream = 'link' | 'configuration';

/** Its number. */
export const ownStreams: Readonly<Record<OwnStream, number>> = {
  link: LINK_STREAM,
  configuration: CONFIGURATION_STREAM,
};

/** Whether a stream carries what nodes say to each other, and nothing of programs. */
export function isOwnStream(stream: number): boolean {
  return stream === LINK_STREAM || stream === CONFIGURATION_STREAM;
}

/** The streams that an order key can be given, as one run of numbers. */
interface Range {
  readonly first: number;
  readonly count: number;
}

/** How the streams of one direction are shared out. */
export class StreamMap {
  /** Streams this map is made for: the fewest that a link can do with are MIN_STREAMS. */
  readonly count: number;
  readonly #loose: Range;
  readonly #priority: Range;
  readonly #plain: Range;

  /** @throws ProtocolError ERR_PROTOCOL: fewer than MIN_STREAMS. */
  constructor(count: number) {
    if (count < MIN_STREAMS) {
      throw new ProtocolError('ERR_PROTOCOL', `${count} streams; a link needs ${MIN_STREAMS}`);
    }
    this.count = count;
    // Of 64: 4 loose, 8 with priority, 50 plain.
    const loose = Math.max(1, Math.floor(count / 16));
    const priority = Math.max(1, Math.floor(count / 8));
    this.#loose = { first: 2, count: loose };
    this.#priority = { first: 2 + loose, count: priority };
    this.#plain = { first: 2 + loose + priority, count: count - 2 - loose - priority };
  }

  /** Whether bundles of this stream may come out of order. */
  isLoose(stream: number): boolean {
    return stream >= this.#loose.first && stream < this.#loose.first + this.#loose.count;
  }

  /** In what order streams are served, from 0 to RANKS - 1; see there. */
  rankOf(stream: number): number {
    if (stream === LINK_STREAM) return 0;
    if (stream === CONFIGURATION_STREAM) return 1;
    const hasPriority = stream >= this.#priority.first && stream < this.#plain.first;
    return hasPriority ? 2 : 3;
  }

  /**
   * The stream of a user message: the same for all messages of one topic, order key and class,
   * which is what keeps them in order.
   */
  of(topic: string, orderKey: string, kind: 'loose' | 'priority' | 'plain'): number {
    const { first, count } = this.#rangeOf(kind);
    if (count === 1) return first;
    const hash = mix(mix(mix(0x811c9dc5, topic), '\0'), orderKey);
    return first + ((hash >>> 0) % count);
  }

  #rangeOf(kind: 'loose' | 'priority' | 'plain'): Range {
    if (kind === 'plain') return this.#plain;
    return kind === 'loose' ? this.#loose : this.#priority;
  }
}

/** The link's own stream, configuration, user messages with priority, all others. */
export const RANKS = 4;

/** One for the link, one for configuration, and one of each class of user messages. */
export const MIN_STREAMS = 5;

/** FNV-1a over UTF-16 units. */
function mix(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
