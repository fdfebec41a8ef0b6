/** From what an operator writes to a checked profile. */
import { ProfileError } from '../errors.js';
import { type CheckCircumstances, checkProfile } from './check.js';
import { type Profile, type ProfileName, profiles } from './profiles.js';

/**
 * Single values over a profile of the package (`lan` where `base` is not given); a whole `Profile`
 * is one too.
 */
export type ProfileOverrides = Partial<Profile> & { readonly base?: ProfileName };

/** What an operator may write where a profile is wanted. */
export type ProfileWish = ProfileName | ProfileOverrides;

/**
 * Makes a checked profile of a name, a whole profile, or overrides. Overrides without a name of
 * their own are called after their base: `lan+`.
 *
 * @throws ProfileError ERR_PROFILE_INVALID: an unknown name or field, or a set that contradicts
 *   itself.
 */
export function resolveProfile(
  wish: ProfileWish = 'lan',
  circumstances: CheckCircumstances = {},
): Profile {
  if (typeof wish === 'string') {
    const profile = named(wish);
    checkProfile(profile, circumstances);
    return profile;
  }
  if (typeof wish !== 'object' || wish === null || Array.isArray(wish)) {
    throw new ProfileError('ERR_PROFILE_INVALID', 'a profile is a name or an object');
  }
  const { base: baseName = 'lan', ...overrides } = wish;
  const base = named(baseName);
  for (const field of Object.keys(overrides)) {
    if (!Object.hasOwn(base, field)) {
      throw new ProfileError('ERR_PROFILE_INVALID', `a profile has no field '${field}'`);
    }
  }
  const profile: Profile = { ...base, name: `${base.name}+`, ...overrides };
  checkProfile(profile, circumstances);
  return profile;
}

function named(name: string): Profile {
  if (!Object.hasOwn(profiles, name)) {
    const known = Object.keys(profiles).join(', ');
    throw new ProfileError('ERR_PROFILE_INVALID', `no profile '${name}'; there are ${known}`);
  }
  return profiles[name as ProfileName];
}
