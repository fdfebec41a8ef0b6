/**
 * A link that is up, seen with the eyes of a node: its paths by plane, and whether it is redundant.
 */
import { limits } from '../limits.js';
import type { Carrier, CarrierPathEvent } from '../link/carrier.js';
import type { GrayReason } from '../link/path-monitor.js';
import type { Link, PeerIdentity } from '../link/types.js';
import type { Runtime } from '../runtime/index.js';
import type { Profile } from '../timing/profiles.js';
import { Alarm } from './alarm.js';
import type { NodeView, PathChanged, PathView, RedundancyChanged } from './events.js';
import { Work } from './handling.js';
import { mapToPlanes, type Plane, UNKNOWN_PLANE } from './planes.js';
import { Redundancy } from './redundancy.js';

export interface LiveLinkSetup {
  readonly runtime: Runtime;
  readonly planes: readonly Plane[];
  /** What `connect` was told of the peer's addresses; null for a peer that dialled us. */
  readonly given: ReadonlyMap<string, string | null> | null;
  readonly carrier: Carrier;
  readonly link: Link;
  readonly peer: PeerIdentity;
  onRedundancy(change: RedundancyChanged): void;
}

/**
 * How long the paths of a new link may take to be confirmed: twice the time in which a HEARTBEAT on
 * an unconfirmed path is sent (RTO/2, 200 ms at the least in the kernel, and up to one RTO of
 * jitter) and answered (RTO/2).
 */
export function confirmationGraceMs(profile: Profile): number {
  return 2 * (Math.max(profile.rtoInitialMs / 2, 200) + 1.5 * profile.rtoInitialMs);
}

export class LiveLink {
  readonly name: string;
  readonly incarnation: string;
  readonly link: Link;
  readonly carrier: Carrier;
  readonly peer: PeerIdentity;
  /** What the peer's messages have set going here. */
  readonly work = new Work();
  readonly #setup: LiveLinkSetup;
  readonly #redundancy: Redundancy;
  readonly #alarm: Alarm;
  #planes: readonly Plane[];
  #mapped: Map<string, string> = new Map();
  #isMapped = false;
  #over = false;

  constructor(setup: LiveLinkSetup) {
    const { link, carrier, peer, planes, runtime } = setup;
    this.#setup = setup;
    this.#planes = planes;
    this.name = peer.name;
    this.incarnation = peer.incarnation.toString(16).padStart(16, '0');
    this.link = link;
    this.carrier = carrier;
    this.peer = peer;
    this.#redundancy = new Redundancy(
      planes.map((plane) => plane.name),
      runtime.clock.turnMs(),
      confirmationGraceMs(link.profile),
    );
    this.#alarm = new Alarm(runtime, () => this.judge());
  }

  /** Why paths are gray, by address; whoever watches them says so. */
  grayReasons: (address: string) => readonly GrayReason[] = () => [];

  /** The timers of this link. */
  get profile(): Profile {
    return this.link.profile;
  }

  /**
   * The node is on other planes now. The new ones have the grace time of a new link. What the link
   * is to have of them is not decided here.
   */
  replan(planes: readonly Plane[]): void {
    this.#planes = planes;
    this.#isMapped = false;
    const names = planes.map((plane) => plane.name);
    const { clock } = this.#setup.runtime;
    this.#redundancy.replan(names, clock.turnMs(), confirmationGraceMs(this.link.profile));
    this.judge();
  }

  /** Looks at the paths and reports redundancy lost or restored. */
  judge(): void {
    if (!this.#over) this.#judge(this.paths);
  }

  #judge(views: readonly PathView[]): void {
    const names = new Set([UNKNOWN_PLANE, ...this.#planes.map(({ name }) => name)]);
    // A path on a plane we have left stands for none of those that we are on.
    const paths = views
      .filter(({ plane }) => names.has(plane))
      .map(({ plane, state }) => ({ plane, active: state === 'active' }));
    this.#redundancy.step(this.#setup.runtime.clock.turnMs(), paths);
    this.#alarm.set(this.#redundancy.deadline());
    const change = this.#redundancy.poll();
    if (change !== null) this.#setup.onRedundancy({ name: this.name, ...change });
  }

  get paths(): PathView[] {
    const paths = this.link.paths;
    if (!this.#isMapped || paths.some(({ address }) => !this.#mapped.has(address))) {
      this.#map(paths.map(({ address }) => address));
    }
    return paths.map((path) => ({
      plane: this.#planeOf(path.address),
      ...path,
      gray: this.grayReasons(path.address),
    }));
  }

  get view(): NodeView {
    return {
      name: this.name,
      incarnation: this.incarnation,
      dialledBy: this.dialledBy,
      linkNumber: this.link.linkNumber,
      stalled: this.link.stalled,
      redundant: this.#redundancy.full,
    };
  }

  get dialledBy(): 'us' | 'peer' {
    return this.link.role === 'dialler' ? 'us' : 'peer';
  }

  /**
   * A path has changed: tells it by the plane's name, and what that means for redundancy. Each
   * reading of the paths is several system calls.
   */
  changed(event: CarrierPathEvent, tell: (change: PathChanged) => void): void {
    const { paths } = this;
    tell(this.#describe(event, paths));
    if (!this.#over) this.#judge(paths);
  }

  #describe(event: CarrierPathEvent, paths: readonly PathView[]): PathChanged {
    const path = paths.find(({ address }) => address === event.address);
    return {
      name: this.name,
      plane: path?.plane ?? this.#planeOf(event.address),
      address: event.address,
      change: event.change,
      state: event.change === 'removed' ? 'removed' : (path?.state ?? 'inactive'),
      primary: path?.primary ?? false,
    };
  }

  /** The link is over: nothing is reported any more. */
  end(): void {
    this.#over = true;
    this.#alarm.set(null);
  }

  /** An address keeps the name of a plane that we have left. */
  #map(addresses: readonly string[]): void {
    const mapped = mapToPlanes(this.#planes, this.#setup.given, addresses);
    for (const [address, plane] of mapped) {
      if (plane !== UNKNOWN_PLANE || !this.#mapped.has(address)) this.#mapped.set(address, plane);
    }
    for (const address of [...this.#mapped.keys()]) {
      // One that has just gone is still to be told of by its plane; it is forgotten with the next.
      if (!mapped.has(address) && this.#mapped.size > limits.addresses)
        this.#mapped.delete(address);
    }
    this.#isMapped = true;
  }

  #planeOf(address: string): string {
    return this.#mapped.get(address) ?? UNKNOWN_PLANE;
  }
}
