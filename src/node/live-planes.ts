/**
 * The planes of a node while it runs: one is added or taken away, at the listener and at every link
 * that is up. A link follows by changing the addresses of its association (RFC 5061). Where one of
 * the two kernels does not do that, the link keeps what it has, that is told, and its next
 * association has the planes as they are then.
 */
import { BackplaneError, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { Runtime } from '../runtime/index.js';
import type { LocalAddress } from '../runtime/network.js';
import { canonicalAddress } from '../sctp/addresses.js';
import { checkProfile } from '../timing/check.js';
import type { Profile } from '../timing/profiles.js';
import { Alarm } from './alarm.js';
import type { PlaneDeferred } from './events.js';
import type { LiveLink } from './live-link.js';
import { type Plane, resolvePlanes } from './planes.js';
import type { Listener } from './transport.js';

/** What came of adding a plane, or of taking one away. */
export interface PlaneChange {
  readonly name: string;
  /** Our address on it. */
  readonly address: string;
  /** Peers whose links followed at once. */
  readonly live: readonly string[];
  /** Peers whose links will with their next association; `planeDeferred` tells why. */
  readonly deferred: readonly string[];
}

export interface LivePlanesSetup {
  readonly planes: readonly Plane[];
  readonly profile: Profile;
  readonly runtime: Runtime;
  /** The links that are up. */
  links(): readonly LiveLink[];
  /** Null while there is none. */
  listener(): Listener | null;
  /** The addresses of this host as they are now. */
  localAddresses(): readonly LocalAddress[];
  onDeferred(event: PlaneDeferred): void;
}

type NamedAddress = Pick<Plane, 'name' | 'address'>;

/** How often, and how many times, it is looked at whether a change came to be. */
const CHECK_MS = 1000;
const CHECKS = 5;

export class LivePlanes {
  readonly #setup: LivePlanesSetup;
  #planes: readonly Plane[];
  /** Names of planes that were taken away lately, by address. */
  readonly #gone = new Map<string, string>();
  /** Addresses of changes that a link could not follow, as was told. */
  readonly #deferred = new WeakMap<LiveLink, Set<string>>();
  readonly #alarm: Alarm;
  #checksLeft = 0;

  constructor(setup: LivePlanesSetup) {
    this.#setup = setup;
    this.#planes = setup.planes;
    this.#alarm = new Alarm(setup.runtime, () => this.#check());
  }

  get list(): readonly Plane[] {
    return this.#planes;
  }

  /** See `ClusterNode.addPlane`. */
  add(name: string, wish: string): PlaneChange {
    const [plane] = resolvePlanes({ [name]: wish }, this.#setup.localAddresses());
    const { address } = plane!;
    const twin = this.#planes.find((each) => each.name === name || each.address === address);
    if (twin !== undefined) {
      throw new NodeError('ERR_ARGUMENT', `the node has plane ${twin.name} at ${twin.address}`);
    }
    const planes = [...this.#planes, plane!];
    if (planes.length > limits.addresses) {
      throw new NodeError('ERR_ARGUMENT', `a node has at most ${limits.addresses} planes`);
    }
    checkProfile(this.#setup.profile, { planes: planes.length });
    const before = this.#planes;
    this.#planes = planes;
    const change = this.#everywhere(plane!, 'added');
    try {
      // The kernel gives accepted associations no address that their listener has already.
      this.#listen('addAddress', address);
    } catch (error) {
      this.#planes = before;
      this.#everywhere(plane!, 'removed');
      throw error;
    }
    return change;
  }

  /** See `ClusterNode.removePlane`. */
  remove(name: string): PlaneChange {
    const plane = this.#planes.find((each) => each.name === name);
    if (plane === undefined) {
      throw new NodeError('ERR_ARGUMENT', `the node has no plane ${JSON.stringify(name)}`);
    }
    if (this.#planes.length === 1) {
      throw new NodeError('ERR_STATE', `${name} is the last plane: a node is on one at least`);
    }
    this.#planes = this.#planes.filter((each) => each !== plane);
    this.#gone.set(plane.address, name);
    if (this.#gone.size > limits.addresses) this.#gone.delete([...this.#gone.keys()][0]!);
    for (const live of this.#setup.links()) movePrimary(live, name);
    const change = this.#everywhere(plane, 'removed');
    this.#listen('removeAddress', plane.address);
    return change;
  }

  /** A link has come up whose association may have begun before the planes were what they are. */
  up(live: LiveLink): void {
    const { missing, surplus } = this.#compare(live);
    for (const plane of missing) this.#take(live, plane);
    for (const plane of surplus) this.#apply(live, plane, 'removed');
  }

  /** Nothing is looked at any more. */
  close(): void {
    this.#alarm.set(null);
  }

  /**
   * The peer has its say in each change, and one that meets another still under way is dropped
   * without a word: so it is looked at whether all came as it was to be.
   */
  #check(): void {
    this.#checksLeft -= 1;
    for (const live of this.#setup.links()) {
      const { missing, surplus } = this.#compare(live);
      for (const plane of missing) this.#takeAnew(live, plane);
      if (this.#checksLeft > 0) continue;
      for (const plane of surplus) this.#defer(live, plane, 'removed', undefined);
    }
    if (this.#checksLeft > 0) this.#checkLater();
  }

  #checkLater(): void {
    const { clock } = this.#setup.runtime;
    this.#alarm.set(clock.turnMs() + CHECK_MS);
  }

  /** Where a link's association differs from what it is to be, those that were told of left out. */
  #compare(live: LiveLink): { missing: readonly NamedAddress[]; surplus: readonly NamedAddress[] } {
    const held = heldBy(live);
    // An association that has just ended has none, nor has one whose carrier does not tell.
    if (held.size === 0) return { missing: [], surplus: [] };
    const told = this.#deferred.get(live);
    const missing = this.#planes.filter(
      ({ address }) => !held.has(address) && told?.has(address) !== true,
    );
    for (const { address } of this.#planes) held.delete(address);
    const surplus = [...held]
      .filter((address) => told?.has(address) !== true)
      .map((address) => ({ address, name: this.#gone.get(address) ?? address }));
    return { missing, surplus };
  }

  /** The kernel gives accepted associations no address that their listener has already. */
  #take(live: LiveLink, plane: NamedAddress): boolean {
    this.#listen('removeAddress', plane.address);
    const isTaken = this.#apply(live, plane, 'added');
    this.#listen('addAddress', plane.address);
    return isTaken;
  }

  /** Its socket may have what its association was not given. */
  #takeAnew(live: LiveLink, plane: NamedAddress): void {
    try {
      live.carrier.removeLocalAddresses?.([plane.address]);
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
    }
    this.#take(live, plane);
  }

  #everywhere(plane: Plane, change: PlaneDeferred['change']): PlaneChange {
    const [live, deferred]: [string[], string[]] = [[], []];
    for (const link of this.#setup.links()) {
      link.replan(this.#planes);
      (this.#apply(link, plane, change) ? live : deferred).push(link.name);
    }
    this.#checksLeft = CHECKS;
    this.#checkLater();
    return { name: plane.name, address: plane.address, live, deferred };
  }

  #apply(live: LiveLink, plane: NamedAddress, change: PlaneDeferred['change']): boolean {
    const { carrier } = live;
    const { address } = plane;
    const isDone = heldBy(live).has(address) === (change === 'added');
    this.#deferred.get(live)?.delete(address);
    if (isDone) return true;
    try {
      if (change === 'added') carrier.addLocalAddresses?.([address]);
      else carrier.removeLocalAddresses?.([address]);
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      return this.#defer(live, plane, change, error);
    }
    return carrier.addLocalAddresses !== undefined || this.#defer(live, plane, change, undefined);
  }

  /** Tells that a link keeps what it has. */
  #defer(
    live: LiveLink,
    { name, address }: NamedAddress,
    change: PlaneDeferred['change'],
    cause: BackplaneError | undefined,
  ): false {
    const told = this.#deferred.get(live) ?? new Set();
    this.#deferred.set(live, told.add(address));
    const error = new NodeError(
      'ERR_PLANE_DEFERRED',
      `plane ${name} at ${address} cannot be ${change} at the link with ${live.name} as long as ` +
        'that is up (net.sctp.addip_enable must be on at both ends, see docs/paths.md)',
      cause === undefined ? {} : { cause },
    );
    const { code } = error;
    this.#setup.onDeferred({ name: live.name, plane: name, address, change, code, error });
    return false;
  }

  #listen(what: 'addAddress' | 'removeAddress', address: string): void {
    this.#setup.listener()?.[what]?.(address);
  }
}

/** Our addresses at a link; none where its carrier does not tell. */
function heldBy({ carrier }: LiveLink): Set<string> {
  return new Set(carrier.localAddresses?.map(canonicalAddress));
}

/** Traffic leaves a plane before the plane goes. */
function movePrimary(live: LiveLink, plane: string): void {
  const { paths } = live;
  if (!paths.some((path) => path.primary && path.plane === plane)) return;
  const next = paths.find((path) => path.plane !== plane && path.state === 'active');
  if (next === undefined) return;
  try {
    live.carrier.setPrimary?.(next.address);
  } catch (error) {
    // The kernel finds another path by itself when the address goes.
    if (!(error instanceof BackplaneError)) throw error;
  }
}
