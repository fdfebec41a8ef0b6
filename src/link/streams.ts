/**
 * Which stream a frame takes. Streams do not wait for each other: a lost packet holds up its own
 * stream only.
 */

/** BEAT, PROBE, LEAVE and the handshake. */
export const LINK_STREAM = 0;
/** Reserved for the configuration of the cluster. */
export const CONFIGURATION_STREAM = 1;
const FIRST_USER_STREAM = 2;

/**
 * The stream of a user message: the same for all messages of one topic and order key, which is what
 * keeps them in order. An association with no streams to spare carries them on its last one.
 *
 * @param outboundStreams streams this end may send on.
 */
export function userStream(topic: string, orderKey: string, outboundStreams: number): number {
  const userStreams = outboundStreams - FIRST_USER_STREAM;
  if (userStreams < 1) return outboundStreams - 1;
  if (userStreams === 1) return FIRST_USER_STREAM;
  const hash = mix(mix(mix(0x811c9dc5, topic), '\0'), orderKey);
  return FIRST_USER_STREAM + ((hash >>> 0) % userStreams);
}

/** FNV-1a over UTF-16 units. */
function mix(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
