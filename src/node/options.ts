/** What a node is told, checked. */
import { NodeError } from '../errors.js';
import type { Security } from '../link/types.js';
import type { LocalAddress } from '../runtime/network.js';
import type { Profile } from '../timing/profiles.js';
import { type ProfileWish, resolveProfile } from '../timing/resolve.js';
import { type Switchover, switchoverOf, withSwitchover } from '../timing/switchover.js';
import { checkOptions, checkPeerName, checkTimeMs, optionNames } from './check-options.js';
import { readKeyFile } from './key-file.js';
import { checkKeys, KeyRing } from './key-ring.js';
import { checkLogger, type Logger } from './logger.js';
import { checkLabel, fullName } from './names.js';
import type { SteeringMode } from './path-watch.js';
import { checkPeerSources, type PeerSource } from './peer-source.js';
import {
  checkPeerAddresses,
  checkPeerPlanes,
  type PeerAddresses,
  type Plane,
  type PlanesOption,
  resolvePlanes,
} from './planes.js';
import {
  checkProfiles,
  type ProfileRules,
  type ProfilesOption,
  type ResolveProfile,
} from './profile-rules.js';

/** The port of nodes where nothing else is said. */
export const DEFAULT_PORT = 24100;

/** A node to be linked with. */
export interface PeerOptions {
  /** Its full name, `name@host`. */
  readonly name: string;
  /**
   * Its addresses: by plane (`{ a: '10.1.0.2', b: '10.2.0.2' }`) or as a list, then in the order of
   * our planes. One that answers is enough to reach it; it tells the others by itself.
   */
  readonly addresses: PeerAddresses;
  /** Its port. Default: the one we were told for ourselves, or 24100 where that is 0. */
  readonly port?: number;
  /**
   * Timers of the link with it, whoever dials; a link that is up keeps those it has. The peer needs
   * some for us that go with them. Default: what `NodeOptions.profiles` says of its name, else the
   * node's.
   */
  readonly profile?: ProfileWish;
}

/** How `startNode` is told what to be. */
export interface NodeOptions {
  /** `name@host`, or `name` alone: then the host is this machine's name (`os.hostname()`). */
  readonly name: string;
  /**
   * The networks this node is on: plane name to local address or CIDR, `{ a: '10.1.0.0/24', b:
   * '10.2.0.0/24' }`. A CIDR must hold exactly one address of this host, so one set fits all hosts.
   * The short form is a list; its planes are named a, b, c ... by position. IPv4 and IPv6, 1 to 16
   * planes.
   */
  readonly planes: PlanesOption;
  /**
   * Where to listen, on every plane. Default 24100; 0 lets the system choose, see
   * `ClusterNode.port`.
   */
  readonly port?: number;
  /**
   * File with the cluster key, mode 0600, as `backplane keygen` writes it, or with several, one per
   * line. `ClusterNode.reloadKeys` reads it again. This or `key`.
   */
  readonly keyFile?: string;
  /** The cluster key itself, 32 bytes or more, or several: the first is used, all are accepted. */
  readonly key?: Uint8Array | readonly Uint8Array[];
  /**
   * Timers of all links of which nothing else is said: the name of a profile, one of your own, or
   * single values over one. Default 'lan'.
   */
  readonly profile?: ProfileWish;
  /**
   * Other timers for the links with some peers, whoever dials: by full name, or `*@host` for all
   * nodes of a host. `{ '*@far': 'wan' }`. Both ends need a rule for each other: profiles that do
   * not go together are refused (ERR_PROFILE_MISMATCH).
   */
  readonly profiles?: ProfilesOption;
  /** Nodes with another label are refused, key or no key. Default 'backplane'. */
  readonly label?: string;
  /**
   * 'sealed': everything between nodes is encrypted and authenticated. 'authenticated': only the
   * handshake is, and whoever can write to the network can write into a link; both ends must ask
   * for it. Default 'sealed'.
   */
  readonly security?: Security;
  /**
   * What is done when the primary path is gray: up, but slow or lossy. Either way it is reported
   * (`path`, change 'gray'). 'off': nothing. 'gray': another path becomes the primary. Both ends
   * do it for what they send. Default 'off'.
   */
  readonly steering?: SteeringMode;
  /**
   * What becomes of a primary path that traffic left, once it is good again. 'return': traffic
   * returns. 'stay': it does not, until it has to leave again. Default: as the profile's
   * primarySwitchover says, 'return' for those of the package.
   */
  readonly switchover?: Switchover;
  /** Nodes to link with from the beginning, as by `connect`. */
  readonly peers?: readonly PeerOptions[];
  /** Where to learn of more of them, as by `followPeers`. */
  readonly peerSources?: readonly PeerSource[];
  /**
   * Is told what happens, one line for each event: pino, or anything with its methods `trace`,
   * `debug`, `info`, `warn` and `error`, each `(fields, message)`. docs/observability.md has the
   * fields. Default: no log.
   */
  readonly logger?: Logger;
}

const NODE_OPTIONS = optionNames<NodeOptions>({
  name: true,
  planes: true,
  port: true,
  keyFile: true,
  key: true,
  profile: true,
  profiles: true,
  label: true,
  security: true,
  steering: true,
  switchover: true,
  peers: true,
  peerSources: true,
  logger: true,
});

/** The same, checked and complete. */
export interface ResolvedOptions {
  readonly name: string;
  readonly planes: readonly Plane[];
  readonly port: number;
  readonly keyRing: KeyRing;
  readonly profile: Profile;
  readonly profiles: ProfileRules;
  readonly label: string;
  readonly security: Security;
  readonly steering: SteeringMode;
  readonly switchover: Switchover;
  readonly peers: readonly ResolvedPeer[];
  readonly peerSources: readonly PeerSource[];
  readonly logger: Logger | null;
}

export interface ResolvedPeer {
  readonly name: string;
  /** Its addresses, each with the plane it was given for. */
  readonly addresses: ReadonlyMap<string, string | null>;
  readonly port: number;
  /** Not given: as the node's rules say. */
  readonly profile?: Profile;
}

/** What of the machine the options are checked against. */
export interface Machine {
  readonly hostName: string;
  readonly addresses: readonly LocalAddress[];
}

/**
 * A port.
 * @throws NodeError ERR_ARGUMENT: not a whole number from `least` to 65535.
 */
export function checkPort(port: unknown, least: 0 | 1): number {
  if (Number.isInteger(port) && Number(port) >= least && Number(port) <= 65535) return Number(port);
  throw new NodeError('ERR_ARGUMENT', `port must be a number from ${least} to 65535, not ${port}`);
}

/**
 * A time a program may set.
 * @throws NodeError ERR_ARGUMENT: not a number from 0 to limits.deadlineMaxMs.
 */
export function checkDeadlineMs(deadlineMs: unknown): number {
  return checkTimeMs('deadlineMs', deadlineMs);
}

/**
 * The port of peers of which none is told: ours, but for a node that lets the system choose, which
 * has nothing to tell about the ports of others.
 */
export function peerPort(ourPort: number): number {
  return ourPort === 0 ? DEFAULT_PORT : ourPort;
}

/**
 * A peer to be linked with.
 * @param resolve what a profile for it means at this node
 * @throws NodeError ERR_ARGUMENT; ProfileError ERR_PROFILE_INVALID.
 */
export function checkPeer(
  peer: unknown,
  ourName: string,
  ourPort: number,
  resolve: ResolveProfile = resolveProfile,
): ResolvedPeer {
  if (typeof peer !== 'object' || peer === null) {
    throw new NodeError('ERR_ARGUMENT', 'a peer is { name, addresses, port? }');
  }
  const { name, addresses, port, profile } = peer as Partial<PeerOptions>;
  const checked = checkPeerName(name);
  if (checked === ourName) {
    throw new NodeError('ERR_ARGUMENT', `${checked} is this node itself`);
  }
  return {
    name: checked,
    addresses: checkPeerAddresses(addresses),
    port: checkPort(port ?? ourPort, 1),
    ...(profile === undefined ? {} : { profile: resolve(profile) }),
  };
}

/** @throws NodeError ERR_ARGUMENT: no list, a bad peer, or two of one name. */
function checkPeers(peers: unknown, toPeer: (peer: unknown) => ResolvedPeer): ResolvedPeer[] {
  if (!Array.isArray(peers)) throw new NodeError('ERR_ARGUMENT', 'peers must be a list');
  const checked = peers.map(toPeer);
  checkDistinct(checked);
  return checked;
}

/** @throws NodeError ERR_ARGUMENT: two peers have one name, and one of them would not count. */
export function checkDistinct(peers: readonly { readonly name: string }[]): void {
  const names = new Set<string>();
  for (const { name } of peers) {
    if (names.has(name)) throw new NodeError('ERR_ARGUMENT', `peers: ${name} stands there twice`);
    names.add(name);
  }
}

async function keyRingOf({ key, keyFile }: NodeOptions): Promise<KeyRing> {
  if ((key === undefined) === (keyFile === undefined)) {
    throw new NodeError('ERR_ARGUMENT', 'a node needs either keyFile or key');
  }
  if (keyFile !== undefined) {
    if (typeof keyFile !== 'string') {
      throw new NodeError('ERR_ARGUMENT', 'keyFile must be a path');
    }
    return new KeyRing(await readKeyFile(keyFile), keyFile);
  }
  return new KeyRing(checkKeys(key), null);
}

/** @throws NodeError ERR_ARGUMENT. */
export function checkSecurity(security: unknown): Security {
  if (security === 'sealed' || security === 'authenticated') return security;
  throw new NodeError('ERR_ARGUMENT', "security must be 'sealed' or 'authenticated'");
}

/** What is done about paths that are gray, or good again. @throws NodeError ERR_ARGUMENT. */
export function checkSteering({
  steering = 'off',
  switchover,
}: {
  readonly steering?: unknown;
  readonly switchover?: unknown;
}): Pick<NodeOptions, 'switchover'> & { readonly steering: SteeringMode } {
  if (steering !== 'off' && steering !== 'gray') {
    throw new NodeError('ERR_ARGUMENT', "steering must be 'off' or 'gray'");
  }
  if (switchover !== undefined && switchover !== 'stay' && switchover !== 'return') {
    throw new NodeError('ERR_ARGUMENT', "switchover must be 'stay' or 'return'");
  }
  return { steering, ...(switchover === undefined ? {} : { switchover }) };
}

/**
 * Checks all options. What is wrong is told before anything is begun.
 * @throws NodeError ERR_ARGUMENT, ERR_KEY_FILE, ERR_KEY_FILE_MODE, ERR_KEY_SHORT,
 *   ERR_PLANE_NO_ADDRESS, ERR_PLANE_AMBIGUOUS, ERR_ADDRESS_NOT_LOCAL; ProfileError
 *   ERR_PROFILE_INVALID.
 */
export async function resolveOptions(
  options: NodeOptions,
  machine: Machine,
): Promise<ResolvedOptions> {
  checkOptions(options, NODE_OPTIONS);
  const name = fullName(options.name, machine.hostName);
  const port = checkPort(options.port ?? DEFAULT_PORT, 0);
  const label = checkLabel(options.label ?? 'backplane');
  const planes = resolvePlanes(options.planes, machine.addresses);
  const { steering, switchover } = checkSteering(options);
  const resolve = (wish?: ProfileWish) =>
    withSwitchover(resolveProfile(wish, { planes: planes.length }), switchover);
  const profile = resolve(options.profile);
  const profiles = checkProfiles(options.profiles, profile, resolve);
  const security = checkSecurity(options.security ?? 'sealed');
  const toPeer = (peer: unknown) => checkPeer(peer, name, peerPort(port), resolve);
  const peers = checkPeers(options.peers ?? [], toPeer);
  const planeNames = planes.map(({ name: plane }) => plane);
  for (const { addresses } of peers) checkPeerPlanes(addresses, planeNames);
  const peerSources = checkPeerSources(options.peerSources ?? []);
  const logger = options.logger === undefined ? null : checkLogger(options.logger);
  const keyRing = await keyRingOf(options);
  return {
    name,
    planes,
    port,
    keyRing,
    profile,
    profiles,
    label,
    security,
    steering,
    switchover: switchoverOf(profile),
    peers,
    peerSources,
    logger,
  };
}
