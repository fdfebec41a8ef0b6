/** Which profile the links with a peer have. */
import { NodeError } from '../errors.js';
import type { Profile } from '../timing/profiles.js';
import type { ProfileWish } from '../timing/resolve.js';
import { isFullName } from './names.js';

/**
 * Profiles by the names of peers: a full name, `name@host`, or `*@host` for all nodes of a host. A
 * full name comes before its host.
 */
export type ProfilesOption = Readonly<Record<string, ProfileWish>>;

/** In a rule for all nodes of a host, this stands for their names. */
const ANY = '*@';

/** From what is wished for links to the profile of this node's. @throws ProfileError */
export type ResolveProfile = (wish: ProfileWish) => Profile;

export class ProfileRules {
  /** What holds for a peer of which nothing is said. */
  readonly own: Profile;
  readonly resolve: ResolveProfile;
  readonly #rules: ReadonlyMap<string, Profile>;

  constructor(own: Profile, resolve: ResolveProfile, rules: ReadonlyMap<string, Profile>) {
    this.own = own;
    this.resolve = resolve;
    this.#rules = rules;
  }

  /** @param name any text: it may come from a stranger. */
  of(name: string): Profile {
    const at = name.indexOf('@');
    const ofHost = at < 0 ? undefined : this.#rules.get(ANY + name.slice(at + 1));
    return this.#rules.get(name) ?? ofHost ?? this.own;
  }
}

/** Whom a rule is for. @throws NodeError ERR_ARGUMENT: no `name@host` or `*@host`. */
export function checkRuleName(name: string): string {
  if (isFullName(name.startsWith(ANY) ? `any@${name.slice(ANY.length)}` : name)) return name;
  const given = JSON.stringify(name);
  throw new NodeError('ERR_ARGUMENT', `profiles are for name@host or ${ANY}host, not ${given}`);
}

/**
 * Checks option `profiles`.
 * @param own of the node
 * @throws NodeError ERR_ARGUMENT: no object, or a name that is none; ProfileError
 *   ERR_PROFILE_INVALID.
 */
export function checkProfiles(
  profiles: unknown,
  own: Profile,
  resolve: ResolveProfile,
): ProfileRules {
  if (profiles === undefined) return new ProfileRules(own, resolve, new Map());
  if (typeof profiles !== 'object' || profiles === null || Array.isArray(profiles)) {
    throw new NodeError('ERR_ARGUMENT', 'profiles must map names of peers to profiles');
  }
  const rules = new Map<string, Profile>();
  for (const [key, wish] of Object.entries(profiles as ProfilesOption)) {
    rules.set(checkRuleName(key), resolve(wish));
  }
  return new ProfileRules(own, resolve, rules);
}
