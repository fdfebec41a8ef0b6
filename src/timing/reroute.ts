/** Where the network under a plane heals itself, too: which of the two acts first. */
import type { Profile } from './profiles.js';
import { type Circumstances, worstCase } from './worst-case.js';

/**
 * Which of the two acts on a failure that the network heals within `rerouteMs`.
 *
 * - 'sctp': even in the worst case SCTP has left the path before.
 * - 'network': SCTP tolerates so many expiries that what is sent after the last of them finds the
 *   path healed; it sends again on another path, but does not leave this one.
 * - 'both': it depends; some cuts would move the traffic, and just then the network heals.
 *
 * @param rerouteMs in milliseconds
 */
export function firstToAct(
  profile: Profile,
  rerouteMs: number,
  circumstances: Circumstances = {},
): 'sctp' | 'network' | 'both' {
  const { rttMs = 0, tickMs = 10 } = circumstances;
  if (worstCase(profile, circumstances).busyPathMs <= rerouteMs - 1) return 'sctp';
  let tolerableMs = 0;
  for (let errors = 0; errors < profile.pfThreshold; errors++) {
    tolerableMs += Math.min(profile.rtoMinMs * 2 ** errors, profile.rtoMaxMs);
  }
  return tolerableMs >= rerouteMs + rttMs + tickMs ? 'network' : 'both';
}
