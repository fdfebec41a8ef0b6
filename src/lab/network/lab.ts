/**
 * Hosts joined by planes, in the kernel of this process: each plane is a switch (a bridge in a
 * namespace of its own), each host a namespace with one port per plane that it is on. Nothing has a
 * name outside, nothing is mounted: all of it is gone with this process, however that ends.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../../errors.js';
import { loadLabAddon } from '../load-native.js';
import {
  LOOPBACK_INDEX,
  type NativeLab,
  type NativeNamespace,
  type NativeRequests,
} from '../native.js';
import type { Direction, Fault, Impairment } from './faults.js';
import { LabHost, type NumberedPlane } from './host.js';
import { kernel } from './kernel.js';
import * as plan from './plan.js';
import { Port } from './port.js';

/** How many hosts, on which planes. */
export interface LabOptions {
  /** 2 to 64. */
  readonly hosts: number;
  /** 1 to 8 names; they are also the names of the hosts' interfaces. Default `['a', 'b']`. */
  readonly planes?: readonly string[];
  /**
   * Hosts that have a port on a plane, by number, for planes on which not all are: `{ outside: [5,
   * 6] }`.
   */
  readonly hostsOn?: plan.HostsOn;
  /** Also gives IPv6 addresses. Default false. */
  readonly ipv6?: boolean;
  /** Written under /proc/sys of every host, such as `{ 'net/sctp/addip_enable': '1' }`. */
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** A cable is up when the system call that asks for it returns; this is for a busy machine. */
const READY_MS = 10_000;
const READY_POLL_MS = 5;
const OPER_UP = 6;
const PORT_FORWARDING = 3;

interface Switch extends NumberedPlane {
  readonly space: NativeNamespace;
  /** By the number of the host. */
  readonly ports: ReadonlyMap<number, Port>;
  powered: boolean;
}

/** The hosts and planes of a lab, and the faults in them. `createLab` makes one. */
export class Lab {
  readonly hosts: readonly LabHost[];
  readonly #lab: NativeLab;
  readonly #switches: readonly Switch[];
  readonly #spaces: readonly NativeNamespace[];

  constructor(
    lab: NativeLab,
    hosts: readonly LabHost[],
    switches: readonly Switch[],
    spaces: readonly NativeNamespace[],
  ) {
    this.#lab = lab;
    this.hosts = hosts;
    this.#switches = switches;
    this.#spaces = spaces;
  }

  get planes(): readonly string[] {
    return this.#switches.map((each) => each.name);
  }

  /** Plane names with their IPv4 networks: `{ a: '10.1.0.0/24', b: '10.2.0.0/24' }`. */
  get cidrs(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#switches.map(({ name, plane }) => [name, plan.cidr4(plane)]));
  }

  /** Host by number, from 1. @throws LabError ERR_ARGUMENT. */
  host(number: number): LabHost {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new LabError('ERR_ARGUMENT', `no host ${number}`);
    return host;
  }

  /**
   * Makes a fault at a host's port on a plane (for `switch`, the host does not matter). Several may
   * hold at once. Returns the moment at which the kernel was asked, in milliseconds on the clock of
   * `process.hrtime`; when this returns, no further frame passes.
   * @param direction for `one-way`: which frames are lost. Default: those to the host.
   * @throws LabError ERR_ARGUMENT (no such plane, or host on it), ERR_STATE (cut already), ERR_LAB
   *   (the kernel refused).
   */
  cut(fault: Fault, plane: string, host = 1, direction: Direction = 'to-host'): number {
    const place = this.#switch(plane);
    if (fault === 'switch') {
      if (!place.powered) throw new LabError('ERR_STATE', `switch ${plane} is off already`);
      return kernel(() => this.#power(place, false));
    }
    const port = this.#port(place, host);
    if (port.faults.includes(fault)) {
      throw new LabError('ERR_STATE', `${fault} at ${plane} of host ${host} is there already`);
    }
    const atMs = kernel(() => port.cut(fault, direction));
    // One that another fault covers has nothing left to do; it still holds when the other is
    // healed.
    return atMs ?? nowMs();
  }

  /**
   * Takes back all faults. Returns the moment of the first request, as `cut` does. The kernel tells
   * its bridges a moment later that a carrier is back: see `forwarding`.
   * @throws LabError ERR_LAB.
   */
  heal(): number {
    const times: number[] = [];
    for (const place of this.#switches) {
      if (!place.powered) times.push(kernel(() => this.#power(place, true)));
      for (const port of place.ports.values()) {
        const atMs = kernel(() => port.heal());
        if (atMs !== null) times.push(atMs);
      }
    }
    return times[0] ?? nowMs();
  }

  /**
   * Resolves when every port has a carrier and its switch forwards to it: without faults, or when
   * they were healed. @throws LabError ERR_LAB: one does not within ten seconds.
   */
  async forwarding(): Promise<void> {
    const deadlineMs = nowMs() + READY_MS;
    for (const { name, space, ports } of this.#switches) {
      for (const host of ports.keys()) {
        for (;;) {
          const { operState, portState } = space.link(plan.switchPortIndex(host));
          if (operState === OPER_UP && portState === PORT_FORWARDING) break;
          if (nowMs() > deadlineMs) {
            throw new LabError('ERR_LAB', `plane ${name} of host ${host} does not come up`);
          }
          await delay(READY_POLL_MS);
        }
      }
    }
  }

  /**
   * Loss, delay and jitter on a host's cable from now on, below all faults; null takes it back.
   * Without a direction, both ways (so that `delayMs` adds to a round trip twice).
   * @throws LabError ERR_ARGUMENT, ERR_LAB.
   */
  impair(plane: string, host: number, change: Impairment | null, direction?: Direction): void {
    const port = this.#port(this.#switch(plane), host);
    const lossShare = change?.lossShare ?? 0;
    if (!(lossShare >= 0 && lossShare <= 1)) {
      throw new LabError('ERR_ARGUMENT', `lossShare must be 0 to 1, not ${lossShare}`);
    }
    kernel(() =>
      port.impair({
        ...(direction === 'from-host' ? {} : { toHost: change }),
        ...(direction === 'to-host' ? {} : { fromHost: change }),
      }),
    );
  }

  /** Ends all processes on the hosts, then the hosts and planes. */
  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.killAll()));
    for (const space of this.#spaces) space.close();
  }

  #switch(plane: string): Switch {
    const found = this.#switches.find((each) => each.name === plane);
    if (found === undefined) throw new LabError('ERR_ARGUMENT', `no plane ${plane}`);
    return found;
  }

  #port(place: Switch, host: number): Port {
    const port = place.ports.get(host);
    if (port === undefined) {
      throw new LabError('ERR_ARGUMENT', `no host ${host} on plane ${place.name}`);
    }
    return port;
  }

  /**
   * The bridge goes first: one request, and nothing is forwarded any more. Then the carriers go,
   * one by one.
   */
  #power(place: Switch, on: boolean): number {
    const requests = new this.#lab.Requests().setLink(plan.bridgeIndex, on);
    for (const host of place.ports.keys()) requests.setLink(plan.switchPortIndex(host), on);
    place.powered = on;
    return requests.send(place.space);
  }
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The ports of hosts on a plane, put into the switch's bridge and up. */
function addSwitch(lab: NativeLab, space: NativeNamespace, hosts: Iterable<number>): void {
  const requests = new lab.Requests().addBridge(plan.bridgeIndex, 'switch');
  for (const host of hosts) {
    const index = plan.switchPortIndex(host);
    requests.setMaster(index, plan.bridgeIndex).setLink(index, true);
  }
  requests.setLink(plan.bridgeIndex, true).send(space);
}

/** The cables of one host, its addresses, its own end up. */
function addHost(
  requests: NativeRequests,
  number: number,
  spaces: { host: NativeNamespace; switches: readonly NativeNamespace[] },
  ipv6: boolean,
  planes: readonly NumberedPlane[],
): void {
  requests.setLink(LOOPBACK_INDEX, true);
  for (const { name, plane } of planes) {
    const index = plan.hostPortIndex(plane);
    const peer = plan.switchPortIndex(number);
    requests
      .addVeth(index, name, spaces.host, peer, `host${number}`, spaces.switches[plane - 1]!)
      .addAddress(index, plan.bytes4(plane, number), plan.prefixBits4);
    if (ipv6) requests.addAddress(index, plan.bytes6(plane, number), plan.prefixBits6);
    requests.setLink(index, true);
  }
  requests.send(spaces.host);
}

/**
 * A quiet wire: nothing but what the hosts' programs send. IPv6 addresses outlive a port that was
 * down.
 */
function hostSysctls(ipv6: boolean, more: LabOptions['sysctls']): Record<string, string> {
  const values: Record<string, string> = ipv6
    ? { 'net/ipv6/conf/all/keep_addr_on_down': '1' }
    : { 'net/ipv6/conf/default/disable_ipv6': '1' };
  return { ...values, ...more };
}

/**
 * Builds hosts and planes; when it resolves, every port forwards. Needs a kernel with namespaces,
 * veth, bridge and netem, and the right to use them: see `enterLab`.
 * @throws LabError ERR_ARGUMENT, ERR_ADDON_MISSING, ERR_LAB (the kernel refused, or a port did not
 *   come up).
 */
export async function createLab(options: LabOptions): Promise<Lab> {
  const { hosts: count, planes = ['a', 'b'], hostsOn = {}, ipv6 = false } = options;
  plan.checkPlan(count, planes, hostsOn);
  const lab = loadLabAddon();
  const spaces: NativeNamespace[] = [];
  const space = () => {
    const made = new lab.Namespace();
    spaces.push(made);
    return made;
  };
  try {
    const hosts: LabHost[] = [];
    const switchSpaces = planes.map(space);
    for (const each of switchSpaces) {
      each.writeSysctls([['net/ipv6/conf/default/disable_ipv6', '1']]);
    }
    const numbered = planes.map((name, i): NumberedPlane => ({ name, plane: i + 1 }));
    const ports = numbered.map(() => new Map<number, Port>());
    for (let number = 1; number <= count; number++) {
      const own = space();
      const isOn = ({ name }: NumberedPlane) => hostsOn[name]?.includes(number) !== false;
      const ownPlanes = numbered.filter(isOn);
      const host = new LabHost(number, ownPlanes, own);
      host.sysctl(hostSysctls(ipv6, options.sysctls));
      const ends = { host: own, switches: switchSpaces };
      addHost(new lab.Requests(), number, ends, ipv6, ownPlanes);
      for (const { plane } of ownPlanes) {
        const switchSpace = switchSpaces[plane - 1]!;
        const place = { plane, host: number, hostSpace: own, switchSpace };
        ports[plane - 1]!.set(number, new Port(lab, place));
      }
      hosts.push(host);
    }
    const switches = numbered.map(({ name, plane }, i): Switch => {
      const own = { space: switchSpaces[i]!, ports: ports[i]! };
      addSwitch(lab, own.space, own.ports.keys());
      return { name, plane, ...own, powered: true };
    });
    const made = new Lab(lab, hosts, switches, spaces);
    await made.forwarding();
    return made;
  } catch (cause) {
    for (const each of spaces) each.close();
    return kernel(() => {
      throw cause;
    });
  }
}
