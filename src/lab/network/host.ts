/**
 * A machine of the lab: a network namespace with one port per plane that it is on, in which
 * processes can be started.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, type SpawnOptions, spawn } from '../../runtime/child-process.js';
import { killIfThere } from '../kill-if-there.js';
import type { NativeNamespace } from '../native.js';
import { kernel } from './kernel.js';
import { address4, address6, hostPortIndex } from './plan.js';

/** What a port of a host has seen. */
export interface PortCounters {
  readonly carrier: boolean;
  readonly receivedFrames: number;
  readonly sentFrames: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** A plane, by its name and its number in the lab. */
export interface NumberedPlane {
  readonly name: string;
  readonly plane: number;
}

/** A host of a lab. */
export class LabHost {
  readonly #space: NativeNamespace;
  readonly #planes: readonly NumberedPlane[];
  readonly #children = new Set<ChildProcess>();

  /** Made by `createLab`. */
  constructor(
    /** From 1. */
    readonly number: number,
    planes: readonly NumberedPlane[],
    space: NativeNamespace,
  ) {
    this.#planes = planes;
    this.#space = space;
  }

  /** `host1` and so on. */
  get name(): string {
    return `host${this.number}`;
  }

  /** Names of the planes it is on. */
  get planes(): readonly string[] {
    return this.#planes.map(({ name }) => name);
  }

  /** Its IPv4 addresses, in the order of its planes. */
  get addresses(): readonly string[] {
    return this.#planes.map(({ plane }) => address4(plane, this.number));
  }

  /**
   * Its IPv6 addresses, in the order of its planes. They are there where the lab was made with
   * `ipv6`.
   */
  get addresses6(): readonly string[] {
    return this.#planes.map(({ plane }) => address6(plane, this.number));
  }

  /** The same by plane: `{ a: '10.1.0.1', b: '10.2.0.1' }`. */
  get addressByPlane(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#planes.map(({ name, plane }) => [name, address4(plane, this.number)]),
    );
  }

  /** Its IPv4 address on a plane. Undefined for a plane that it is not on. */
  address(plane: string): string | undefined {
    return this.addressByPlane[plane];
  }

  /** What its port on a plane has seen. @throws LabError ERR_LAB for a plane that it is not on. */
  counters(plane: string): PortCounters {
    const number = this.#planes.find(({ name }) => name === plane)?.plane ?? 0;
    return kernel(() => this.#space.link(hostPortIndex(number)));
  }

  /**
   * Starts a process on this host. It ends, at the latest, with the lab or with this process (by
   * SIGKILL). Options and result are those of `child_process.spawn`.
   */
  spawn(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = this.#space.enter(() =>
      spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], options),
    );
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    child.once('error', () => this.#children.delete(child));
    return child;
  }

  /**
   * Starts a Node.js program on this host with an IPC handle (`child.send`, 'message'); its output
   * is ours.
   */
  fork(script: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    return this.spawn([process.execPath, ...process.execArgv, script, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      ...options,
    });
  }

  /**
   * Runs `work` in this process, but on this host's network: sockets that it makes belong to the
   * host for good. Only what happens before it returns counts.
   */
  enter<T>(work: () => T): T {
    return this.#space.enter(work);
  }

  /** Writes files under /proc/sys as this host has them: `{ 'net/sctp/addip_enable': '1' }`. */
  sysctl(values: Readonly<Record<string, string>>): void {
    kernel(() => this.#space.writeSysctls(Object.entries(values)));
  }

  /**
   * Ends all processes on this host and resolves when they are gone; also those that were made to
   * outlive whoever started them.
   */
  async killAll(): Promise<void> {
    const ends = [...this.#children].map(
      (child) => new Promise<void>((resolve) => void child.once('exit', () => resolve())),
    );
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(ends);
    const network = this.enter(() => networkOf('thread-self'));
    for (let left = processesOf(network); left.length > 0; left = processesOf(network)) {
      for (const pid of left) killIfThere(pid);
      await sleep(LOOK_MS);
    }
  }
}

/** Between two looks at processes that are no children of this one, of which nobody tells. */
const LOOK_MS = 5;

/** Which network a process has; null: it is gone. */
function networkOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}

function processesOf(network: string | null): number[] {
  if (network === null) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => networkOf(pid) === network).map(Number);
}
