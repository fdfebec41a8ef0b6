/**
 * Which of two links of the same two nodes stays. Both ends decide alone, each from what it knows,
 * and reach the same verdict.
 */

/** Which end dialled a link, seen from the end that decides. */
export type DialledBy = 'local' | 'peer';

/** The link a node has with the peer, or its own dial that has not yet come to anything. */
export interface ExistingLink {
  /**
   * False: our own dial, not authenticated yet. One that we accepted counts as up from `accept()`
   * on.
   */
  readonly up: boolean;
  readonly dialledBy: DialledBy;
  readonly linkNumber: number;
  /** The peer's; null as long as the link is not up. */
  readonly incarnation: bigint | null;
}

/** A link whose peer has just been authenticated. */
export interface CandidateLink {
  readonly dialledBy: DialledBy;
  readonly linkNumber: number;
  readonly incarnation: bigint;
}

/**
 * - `accept`: there is no other link.
 * - `replace`: the candidate stays. The existing link is aborted, and if it was up, its node is
 *   down with `reason` ('lost', since the peer itself has given that link up or will) before the
 *   candidate is up.
 * - `refuse`: the candidate goes; an accepted one is told `code`.
 * - `probe-old`: another incarnation claims the name of a link that is up. Probe that link for one
 *   stall time: does it answer, refuse the candidate with ERR_NAME_TAKEN; does it not, abort it,
 *   its node is down as 'restarted', and accept the candidate. A link that ends meanwhile says
 *   itself why.
 */
export type Verdict =
  | { readonly verdict: 'accept' }
  | { readonly verdict: 'replace'; readonly reason: 'lost' }
  | { readonly verdict: 'refuse'; readonly code: 'ERR_LINK_DUPLICATE' }
  | { readonly verdict: 'probe-old' };

const ACCEPT: Verdict = { verdict: 'accept' };
const REPLACE: Verdict = { verdict: 'replace', reason: 'lost' };
const REFUSE: Verdict = { verdict: 'refuse', code: 'ERR_LINK_DUPLICATE' };
const PROBE_OLD: Verdict = { verdict: 'probe-old' };

/**
 * Decides between the link a node has with a peer and a new one.
 *
 * A dialler proposes 1 + the highest number it knows of any link with that peer. So the higher
 * number belongs to the end that knows more: that the link with the lower number is over. Equal
 * numbers come from a simultaneous dial, where both ends know the same; then the link dialled by
 * the node with the lower name (in code units) stays.
 *
 * @param localName the name of the node that decides.
 * @param peerName the authenticated name of the candidate.
 */
export function arbitrate(
  localName: string,
  peerName: string,
  existing: ExistingLink | null,
  candidate: CandidateLink,
): Verdict {
  if (existing === null) return ACCEPT;
  if (existing.up && existing.incarnation !== candidate.incarnation) return PROBE_OLD;
  if (candidate.linkNumber !== existing.linkNumber) {
    return candidate.linkNumber > existing.linkNumber ? REPLACE : REFUSE;
  }
  if (candidate.dialledBy === existing.dialledBy) return REFUSE;
  const staying: DialledBy = localName < peerName ? 'local' : 'peer';
  return candidate.dialledBy === staying ? REPLACE : REFUSE;
}
