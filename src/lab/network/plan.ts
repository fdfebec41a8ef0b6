/**
 * Who has which name, address and interface index in a lab. Plane i (from 1) is 10.i.0.0/24 and
 * fd00:0:0:i::/64, host h (from 1) is h in both; the index of a host's port tells its plane, that
 * of a switch's port its host.
 */
import { LabError } from '../../errors.js';
import { limits } from '../../limits.js';

/**
 * Interface indices. All differ within a cable, which makes the kernel report its carrier without
 * delay.
 */
export const bridgeIndex = 2;
export const hostPortIndex = (plane: number): number => 10 + plane;
export const switchPortIndex = (host: number): number => 100 + host;

export const prefixBits4 = 24;
export const prefixBits6 = 64;

export const cidr4 = (plane: number): string => `10.${plane}.0.0/${prefixBits4}`;
export const cidr6 = (plane: number): string => `fd00:0:0:${plane}::/${prefixBits6}`;
export const address4 = (plane: number, host: number): string => `10.${plane}.0.${host}`;
export const address6 = (plane: number, host: number): string =>
  `fd00:0:0:${plane}::${host.toString(16)}`;

/** The same as the kernel takes them. */
export const bytes4 = (plane: number, host: number): Uint8Array =>
  Uint8Array.of(10, plane, 0, host);
export const bytes6 = (plane: number, host: number): Uint8Array =>
  Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, plane, 0, 0, 0, 0, 0, 0, 0, host);

/** Plane names are interface names too: the kernel takes 15 bytes, and `lo` is there already. */
const PLANE_NAME = /^[a-z][a-z0-9-]{0,14}$/;

/** Hosts that have a port on a plane, by number, for planes on which not all are. */
export type HostsOn = Readonly<Record<string, readonly number[]>>;

/**
 * @throws LabError ERR_ARGUMENT, for numbers out of range, names that are bad or twice there, and
 *   ports of hosts or on planes that are not there.
 */
export function checkPlan(hosts: number, planes: readonly string[], hostsOn: HostsOn = {}): void {
  const refuse = (message: string) => {
    throw new LabError('ERR_ARGUMENT', message);
  };
  if (!Number.isInteger(hosts) || hosts < 2 || hosts > limits.labHosts) {
    refuse(`hosts must be 2 to ${limits.labHosts}, not ${hosts}`);
  }
  if (planes.length < 1 || planes.length > limits.labPlanes) {
    refuse(`planes must be 1 to ${limits.labPlanes}, not ${planes.length}`);
  }
  for (const plane of planes) {
    if (!PLANE_NAME.test(plane) || plane === 'lo') refuse(`no name for a plane: ${plane}`);
  }
  if (new Set(planes).size < planes.length) refuse(`a plane's name is there twice: ${planes}`);
  for (const [plane, numbers] of Object.entries(hostsOn)) {
    if (!planes.includes(plane)) refuse(`no plane ${plane}`);
    for (const number of numbers) {
      if (!Number.isInteger(number) || number < 1 || number > hosts) refuse(`no host ${number}`);
    }
  }
}
