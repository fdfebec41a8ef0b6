/** What two ends must agree on before either proves anything. */
import { type BackplaneError, LinkError } from '../errors.js';
import { limits } from '../limits.js';
import { hmacSha256 } from '../runtime/crypto.js';
import { currentOffer, KEY_ID_BYTES, type Offer, SecurityLevel } from '../wire/handshake-frames.js';
import type { LocalIdentity, Security } from './types.js';

const KEY_ID_CONTEXT = 'backplane key id 1\n';

/**
 * A hint to the peer which of several cluster keys is meant; tells nothing about a key of 32 random
 * bytes.
 */
export function keyId(key: Uint8Array): Buffer {
  return hmacSha256(key, KEY_ID_CONTEXT).subarray(0, KEY_ID_BYTES);
}

/** What we offer: one level of security, so that nobody in between can choose a lower one. */
export function offerOf(security: Security): Offer {
  const level = SecurityLevel[security];
  return { ...currentOffer, securityMin: level, securityMax: level };
}

/** Versions, features and security: null where both ends can go together. */
export function disagreement(ours: Offer, theirs: Offer): BackplaneError | null {
  if (ours.versionMin > theirs.versionMax || theirs.versionMin > ours.versionMax) {
    return new LinkError(
      'ERR_VERSION',
      `the peer speaks versions ${theirs.versionMin} to ${theirs.versionMax}, ` +
        `we ${ours.versionMin} to ${ours.versionMax}`,
    );
  }
  const missing =
    (ours.featuresRequired & ~theirs.featuresSupported) |
    (theirs.featuresRequired & ~ours.featuresSupported);
  if (missing !== 0) {
    const bits = (missing >>> 0).toString(2);
    return new LinkError('ERR_FEATURES', `one end requires features ${bits}, the other has not`);
  }
  if (ours.securityMin > theirs.securityMax || theirs.securityMin > ours.securityMax) {
    return new LinkError('ERR_SECURITY', 'no level of security in common');
  }
  return null;
}

/** Null where both ends belong to one cluster. */
export function otherCluster(ours: string, theirs: string): BackplaneError | null {
  if (theirs === ours) return null;
  return new LinkError(
    'ERR_LABEL_MISMATCH',
    `the peer's cluster is ${JSON.stringify(theirs)}, ours ${JSON.stringify(ours)}`,
  );
}

/**
 * Refuses an identity of our own that no frame can carry.
 *
 * @throws LinkError ERR_KEY_SHORT, ERR_ARGUMENT.
 */
export function checkIdentity(local: LocalIdentity, linkNumber = 1): void {
  for (const [what, text, greatest] of [
    ['name', local.name, limits.nodeNameBytes],
    ['cluster label', local.label, limits.clusterLabelBytes],
  ] as const) {
    const bytes = Buffer.byteLength(text);
    if (bytes < 1 || bytes > greatest) {
      throw new LinkError('ERR_ARGUMENT', `a ${what} has 1 to ${greatest} bytes, not ${bytes}`);
    }
  }
  if (local.keys.length === 0 || local.keys.some((key) => key.length < limits.keyMinBytes)) {
    throw new LinkError('ERR_KEY_SHORT', `a cluster key has ${limits.keyMinBytes} bytes or more`);
  }
  if (local.incarnation < 0n || local.incarnation >= 2n ** 64n) {
    throw new LinkError('ERR_ARGUMENT', 'an incarnation is a number of 64 bits');
  }
  if (!Number.isInteger(linkNumber) || linkNumber < 1 || linkNumber >= 2 ** 32) {
    throw new LinkError('ERR_ARGUMENT', 'a link number is a whole number from 1 to 2^32 - 1');
  }
}
