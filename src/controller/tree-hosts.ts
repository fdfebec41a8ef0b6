/**
 * The hosts as the configuration has them:
 *
 * | key | value |
 * |---|---|
 * | `hosts/<h>/addresses` | `{ <plane>: <address> }`: where its controller is |
 * | `hosts/<h>/port` | its port, where it is another one than ours |
 * | `hosts/<h>/drained` | true: nothing is to run there |
 * | `cluster/policy/when-down` | 'keep' or 'stop': what becomes of workers without a master |
 */
import { isIP } from 'node:net';
import type { ConfigView } from '../config/view.js';
import type { PeerOptions } from '../node/options.js';
import { CONTROLLER } from './names.js';
import { addressesKey, drainedKey, portKey, WHEN_DOWN_KEY } from './tree-keys.js';

/** What becomes of workers when the cluster is down. */
export type WhenDown = 'keep' | 'stop';

/** Of a configuration, what a reader of these keys needs. */
export type TreeReader = Pick<ConfigView, 'get' | 'range'>;

/** No segment of a key is as great. */
const LAST = '~';

/** All hosts that have a key of their own, in the order of their names. */
export function hostsIn(view: TreeReader): string[] {
  const hosts: string[] = [];
  // From host to host, however many keys one has.
  for (let after = 'hosts/'; ; after = `hosts/${hosts.at(-1)}/${LAST}`) {
    const [item] = view.range('hosts', { after, limit: 1 });
    if (item === undefined) return hosts;
    hosts.push(item.key.split('/')[1] as string);
  }
}

/** Whether nothing is to run at a host. */
export function isDrained(view: TreeReader, host: string): boolean {
  return view.get(drainedKey(host))?.value === true;
}

/** What becomes of workers when no master is in touch. */
export function whenDown(view: TreeReader): WhenDown {
  return view.get(WHEN_DOWN_KEY)?.value === 'stop' ? 'stop' : 'keep';
}

/**
 * Where the controllers of hosts are, on these planes; a host that has no address on one of them is
 * left out, and so is one whose addresses are none: `bad` is called with its key and the reason.
 */
export function controllersIn(
  view: TreeReader,
  hosts: readonly string[],
  planes: readonly string[],
  bad: (key: string, reason: string) => void,
): PeerOptions[] {
  return hosts.flatMap((host) => {
    const key = addressesKey(host);
    const found = view.get(key)?.value;
    if (found === undefined) return [];
    const addresses = addressesOf(found);
    if (addresses === null) {
      bad(key, 'it must be { <plane>: <address> }');
      return [];
    }
    const ours = Object.entries(addresses).filter(([plane]) => planes.includes(plane));
    if (ours.length === 0) return [];
    const port = view.get(portKey(host))?.value;
    if (port !== undefined && !isPort(port)) {
      bad(portKey(host), 'it must be a number from 1 to 65535');
      return [];
    }
    const name = `${CONTROLLER}@${host}`;
    return [{ name, addresses: Object.fromEntries(ours), ...(port === undefined ? {} : { port }) }];
  });
}

function addressesOf(value: unknown): Readonly<Record<string, string>> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const addresses = Object.values(value);
  const isSound = addresses.every((each) => typeof each === 'string' && isIP(each) !== 0);
  // The same twice would be refused for all hosts at once.
  return isSound && new Set(addresses).size === addresses.length
    ? (value as Readonly<Record<string, string>>)
    : null;
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}
