/** Where traffic belongs after the primary path was given up: RFC 7829, 5, as a policy. */
import { type Profile, SWITCHOVER_OFF } from './profiles.js';

/** What becomes of a primary path that traffic left, once it is good again. */
export type Switchover =
  /** Traffic stays where it went: the other path becomes the primary. */
  | 'stay'
  /** Traffic returns. */
  | 'return';

/** What a profile says. */
export function switchoverOf({ primarySwitchover }: Profile): Switchover {
  return primarySwitchover === SWITCHOVER_OFF ? 'return' : 'stay';
}

/**
 * The profile with this policy; undefined leaves it as it is. Traffic that is to stay does so from
 * the moment on at which the kernel reports the path unreachable: one lost packet is no reason.
 */
export function withSwitchover(profile: Profile, switchover: Switchover | undefined): Profile {
  if (switchover === undefined || switchover === switchoverOf(profile)) return profile;
  const primarySwitchover = switchover === 'stay' ? profile.pathMaxRetransmits : SWITCHOVER_OFF;
  return { ...profile, primarySwitchover };
}
