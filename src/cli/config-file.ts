/**
 * The file that tells a node what to be, the same for all hosts of a cluster:
 *
 *     { "planes": { "a": "10.1.0.0/24", "b": "10.2.0.0/24" }, "keyFile": "cluster.key",
 *       "port": 24100, "profile": "lan", "profiles": { "*@far": "wan" }, "label": "backplane",
 *       "security": "sealed", "steering": "gray", "switchover": "return",
 *       "control": "/run/backplane.sock",
 *       "peers": [{ "name": "one@host1", "addresses": ["10.1.0.1", "10.2.0.1"] }],
 *       "configuration": { "store": "/var/lib/backplane", "masters": ["one@host1"] },
 *       "dns": { "name": "_backplane._sctp.example.com", "node": "one" } }
 */
import { resolve } from 'node:path';
import type { ConfigOptions } from '../cluster.js';
import { checkConfigOptions } from '../config/options.js';
import { BackplaneError, NodeError } from '../errors.js';
import { type DnsPeersOptions, dnsPeers, type NodeOptions } from '../index.js';
import { checkPeerName } from '../node/check-options.js';
import { checkLabel } from '../node/names.js';
import {
  checkDistinct,
  checkPort,
  checkSecurity,
  checkSteering,
  DEFAULT_PORT,
  type PeerOptions,
} from '../node/options.js';
import {
  checkPeerAddresses,
  checkPeerPlanes,
  checkPlanes,
  type PeerAddresses,
  type PlanesOption,
} from '../node/planes.js';
import { checkRuleName, type ProfilesOption } from '../node/profile-rules.js';
import type { ProfileWish } from '../timing/resolve.js';
import { type Fields, isObject } from './read-config-file.js';

/** What the file says. Values that need this host to be judged (planes, key, profile) are not. */
export interface Config extends Pick<NodeOptions, 'security' | 'steering' | 'switchover'> {
  readonly planes: PlanesOption;
  readonly port: number;
  /** Absolute. */
  readonly keyFile: string;
  readonly profile: ProfileWish;
  /** Left out where the file has none. */
  readonly profiles?: ProfilesOption;
  readonly label: string;
  /** Path of the control socket, absolute. Default: there is none. */
  readonly control?: string;
  readonly peers: readonly ConfigPeer[];
  /** More of them, by SRV records. */
  readonly dns?: DnsPeersOptions;
  /** The replicated configuration; `store` is absolute. Default: the node keeps none. */
  readonly configuration?: ConfigOptions;
}

/** A peer with its port. */
export type ConfigPeer = PeerOptions & { readonly port: number };

const FIELDS = [
  'planes',
  'port',
  'keyFile',
  'profile',
  'profiles',
  'security',
  'steering',
  'switchover',
  'label',
  'control',
  'peers',
  'dns',
  'configuration',
];
const PEER_FIELDS = ['name', 'addresses', 'port', 'profile'];
const CONFIGURATION_FIELDS = ['store', 'masters', 'canBeMaster', 'loadMs', 'deadlineMs'];
const DNS_FIELDS = ['name', 'node', 'refreshMs', 'servers'];

/** Says of what a check throws which field it was about. */
function field<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof BackplaneError)) throw cause;
    throw new NodeError('ERR_CONFIG', `${path}: ${cause.message}`, { cause });
  }
}

function fieldsOf(value: unknown, place: string, known: readonly string[]): Fields {
  if (!isObject(value)) {
    throw new NodeError('ERR_CONFIG', `${place} must be an object of ${known.join(', ')}`);
  }
  const stranger = Object.keys(value).find((name) => !known.includes(name));
  if (stranger === undefined) return value;
  throw new NodeError(
    'ERR_CONFIG',
    `${place}: there is no field ${stranger}; the fields are ${known.join(', ')}`,
  );
}

function controlOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new NodeError('ERR_CONFIG', 'control must be the path of a socket');
}

/** The planes' names. */
function planesOf(value: unknown): string[] {
  const isMap = isObject(value) || Array.isArray(value);
  if (isMap && Object.values(value).every((wish) => typeof wish === 'string')) {
    return field('planes', () => checkPlanes(value)).map(([name]) => name);
  }
  throw new NodeError('ERR_CONFIG', 'planes must map names to addresses or CIDRs');
}

function profileOf(value: unknown, place: string): ProfileWish {
  if (typeof value === 'string' || isObject(value)) return value as ProfileWish;
  throw new NodeError('ERR_CONFIG', `${place} must be a name or an object`);
}

function profilesOf(value: unknown): ProfilesOption {
  if (!isObject(value)) {
    throw new NodeError('ERR_CONFIG', 'profiles must map names of peers to profiles');
  }
  for (const [name, wish] of Object.entries(value)) {
    field('profiles', () => checkRuleName(name));
    profileOf(wish, `profiles.${name}`);
  }
  return value as ProfilesOption;
}

/** Left out where the file has none. */
function securityOf({ security }: Fields): Pick<Config, 'security'> {
  if (security === undefined) return {};
  return { security: field('security', () => checkSecurity(security)) };
}

/** Left out where the file has neither. */
function steeringOf({ steering, switchover }: Fields): Pick<Config, 'steering' | 'switchover'> {
  if (steering === undefined && switchover === undefined) return {};
  return field('paths', () => checkSteering({ steering, switchover }));
}

function peerOf(
  value: unknown,
  place: string,
  planes: readonly string[],
  ourPort: number,
): ConfigPeer {
  const { name, addresses, port, profile } = fieldsOf(value, place, PEER_FIELDS);
  field(`${place}.addresses`, () => checkPeerPlanes(checkPeerAddresses(addresses), planes));
  return {
    name: field(`${place}.name`, () => checkPeerName(name)),
    addresses: addresses as PeerAddresses,
    port: field(`${place}.port`, () => checkPort(port ?? ourPort, 1)),
    ...(profile === undefined ? {} : { profile: profileOf(profile, `${place}.profile`) }),
  };
}

function peersOf(value: unknown, planes: readonly string[], ourPort: number): ConfigPeer[] {
  if (!Array.isArray(value)) {
    throw new NodeError('ERR_CONFIG', 'peers must be a list of { name, addresses, port? }');
  }
  const peers = value.map((peer: unknown, i) => peerOf(peer, `peers[${i}]`, planes, ourPort));
  field('peers', () => checkDistinct(peers));
  return peers;
}

function dnsOf(value: unknown): DnsPeersOptions {
  const options = fieldsOf(value, 'dns', DNS_FIELDS) as unknown as DnsPeersOptions;
  field('dns', () => dnsPeers(options));
  return options;
}

function configurationOf(value: unknown, folder: string): ConfigOptions {
  const fields = fieldsOf(value, 'configuration', CONFIGURATION_FIELDS);
  const options = fields as unknown as ConfigOptions;
  field('configuration', () => checkConfigOptions(options));
  const { store } = options;
  return { ...options, store: store === null ? null : resolve(folder, store) };
}

/**
 * Checks a configuration and fills in what it leaves out.
 *
 * @param folder what a relative `keyFile`, `control` or `store` is relative to
 * @throws NodeError ERR_CONFIG, with the field's name in the message.
 */
export function checkConfig(value: unknown, folder: string): Config {
  const fields = fieldsOf(value, 'the configuration', FIELDS);
  const { planes, port, keyFile, profile, profiles, label, control, peers, dns } = fields;
  const { configuration } = fields;
  if (typeof keyFile !== 'string' || keyFile === '') {
    throw new NodeError('ERR_CONFIG', 'keyFile must be the path of the key file');
  }
  const planeNames = planesOf(planes);
  const checkedPort = field('port', () => checkPort(port ?? DEFAULT_PORT, 0));
  // Where the system chooses our port, it says nothing about those of others.
  const peerPort = checkedPort === 0 ? DEFAULT_PORT : checkedPort;
  return {
    planes: planes as PlanesOption,
    port: checkedPort,
    keyFile: resolve(folder, keyFile),
    profile: profileOf(profile ?? 'lan', 'profile'),
    ...(profiles === undefined ? {} : { profiles: profilesOf(profiles) }),
    ...securityOf(fields),
    ...steeringOf(fields),
    label: field('label', () => checkLabel(label ?? 'backplane')),
    ...(control === undefined ? {} : { control: resolve(folder, controlOf(control)) }),
    peers: peersOf(peers ?? [], planeNames, peerPort),
    ...(dns === undefined ? {} : { dns: dnsOf(dns) }),
    ...(configuration === undefined
      ? {}
      : { configuration: configurationOf(configuration, folder) }),
  };
}
