/**
 * Who takes part in the scenario `liveness`: a node nearby that watches, one far away that watches
 * with other timers, and victims, each linked with both and with the next victim.
 */
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import { systemRuntime } from '../../runtime/index.js';
import type { LabHost } from '../network/host.js';
import type { Lab } from '../network/lab.js';
import { writeKeyFile } from './ends.js';
import type {
  LivenessCommand,
  LivenessEvent,
  LivenessReport,
  LivenessSetup,
} from './liveness-protocol.js';
import { Party } from './party.js';

/** Hosts of the two that watch; the victims' follow. */
export const NEAR_HOST = 1;
export const FAR_HOST = 2;
export const FIRST_VICTIM_HOST = 3;

export const NEAR_PROFILE = 'lan';
export const FAR_PROFILE = 'wan';

const FIRST_PORT = 7500;
/** Processes that begin together share one processor. */
const START_MS = 60_000;

/** One event, with who saw it and when, in milliseconds on the clock of `process.hrtime`. */
export interface Seen {
  readonly by: Member;
  readonly atMs: number;
  readonly event: LivenessEvent;
}

interface Waiter {
  isDone(): boolean;
  done(): void;
}

/** One node, in the process that runs it now. */
export class Member {
  readonly name: string;
  readonly host: LabHost;
  party!: Party<LivenessCommand, LivenessReport>;
  /** A process that was killed may have left associations behind at its port. */
  port = FIRST_PORT;
  /** Names of the nodes it has a link with, as it told. */
  readonly links = new Set<string>();
  /** Names of those of which it told that a plane is lost. */
  readonly impaired = new Set<string>();
  /** Its host is cut off or without power, or its process was killed: links with it may end. */
  isOut = false;

  constructor(name: string, host: LabHost) {
    this.name = `${name}@${host.name}`;
    this.host = host;
  }

  get peer() {
    return { name: this.name, addresses: this.host.addresses, port: this.port };
  }
}

export class Cast {
  readonly near: Member;
  readonly far: Member;
  readonly victims: readonly Member[];
  /** Nodes that were told down though neither end was out. */
  falseNodedown: Seen[] = [];
  readonly #lab: Lab;
  readonly #keyFile: string;
  readonly #waiters = new Set<Waiter>();
  #seen: Seen[] = [];

  constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.#keyFile = path.join(folder, 'cluster.key');
    writeKeyFile(this.#keyFile);
    this.near = new Member('near', lab.host(NEAR_HOST));
    this.far = new Member('far', lab.host(FAR_HOST));
    this.victims = lab.hosts.slice(FIRST_VICTIM_HOST - 1).map((host) => new Member('victim', host));
  }

  get all(): readonly Member[] {
    return [this.near, this.far, ...this.victims];
  }

  /** Starts all, and resolves when every link is up. */
  async start(): Promise<void> {
    for (const member of this.all) this.#fork(member);
    await Promise.all(this.all.map(({ party }) => party.report('ready', START_MS)));
    for (const victim of this.victims) this.#link(victim);
    await this.whole();
  }

  /** Starts the processes of victims that were killed, and resolves when every link is up. */
  async restart(victims: readonly Member[]): Promise<void> {
    for (const victim of victims) {
      victim.port++;
      this.#fork(victim);
    }
    await Promise.all(victims.map(({ party }) => party.report('ready', START_MS)));
    for (const victim of victims) {
      this.#link(victim);
      // Whoever dials it has to be told where it listens now.
      const before = this.victims.find((other) => this.#next(other) === victim);
      if (before !== undefined && !victims.includes(before)) this.#linkNext(before);
    }
    await this.whole();
  }

  /** Resolves when every link is up with both planes; then nobody is out any more. */
  async whole(withinMs = 60_000): Promise<void> {
    const isWhole = (member: Member, count: number) =>
      member.links.size === count && member.impaired.size === 0;
    const ring = this.victims.length > 2 ? 2 : this.victims.length - 1;
    await this.until(
      'all links',
      withinMs,
      () =>
        [this.near, this.far].every((member) => isWhole(member, this.victims.length)) &&
        this.victims.every((victim) => isWhole(victim, 2 + ring)),
    );
    for (const member of this.all) member.isOut = false;
  }

  /** Forgets what was seen. */
  clear(): void {
    this.#seen = [];
  }

  /** Events of one kind that a member saw of another since `fromMs`. */
  seen<K extends LivenessEvent['kind']>(
    by: Member,
    kind: K,
    of: Member,
    fromMs: number,
  ): readonly Seen[] {
    return this.#seen.filter(
      (each) =>
        each.by === by &&
        each.event.kind === kind &&
        each.event.peer === of.name &&
        each.atMs >= fromMs,
    );
  }

  /** Everything of one kind, whoever saw it. */
  every(kind: LivenessEvent['kind']): readonly Seen[] {
    return this.#seen.filter(({ event }) => event.kind === kind);
  }

  /**
   * Resolves when a condition holds, which can change with an event only.
   * @throws LabError ERR_LAB: it does not within `withinMs`, or a process fails first.
   */
  async until(what: string, withinMs: number, isDone: () => boolean): Promise<void> {
    if (isDone()) return;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = systemRuntime.timers.after(withinMs, () => {
        reject(new LabError('ERR_LAB', `${what}: not within ${withinMs} ms`));
      });
    });
    let waiter: Waiter | undefined;
    const done = new Promise<void>((resolve) => {
      waiter = { isDone, done: resolve };
      this.#waiters.add(waiter);
    });
    try {
      await Promise.race([done, late, ...this.all.map(({ party }) => party.failed)]);
    } finally {
      timer?.cancel();
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /** What every host, and this process's own network, has under /proc/sys/net/sctp. */
  sysctls(): ReadonlyMap<string, string> {
    const all = new Map<string, string>();
    const read = (place: string) => {
      const folder = '/proc/sys/net/sctp';
      for (const name of readdirSync(folder)) {
        all.set(`${place} net.sctp.${name}`, readFileSync(path.join(folder, name), 'utf8').trim());
      }
    };
    read('outside');
    for (const host of this.#lab.hosts) host.enter(() => read(host.name));
    return all;
  }

  #next(victim: Member): Member | undefined {
    const { victims } = this;
    const at = victims.indexOf(victim);
    if (victims.length === 1 || (victims.length === 2 && at === 1)) return undefined;
    return victims[(at + 1) % victims.length];
  }

  /** It dials the near one and the next victim; the far one dials it. */
  #link(victim: Member): void {
    victim.party.command({ type: 'connect', peer: this.near.peer });
    this.far.party.command({ type: 'connect', peer: victim.peer });
    this.#linkNext(victim);
  }

  #linkNext(victim: Member): void {
    const next = this.#next(victim);
    if (next !== undefined) victim.party.command({ type: 'connect', peer: next.peer });
  }

  #fork(member: Member): void {
    member.links.clear();
    member.impaired.clear();
    const setup: LivenessSetup = {
      name: member.name,
      planes: this.#lab.cidrs,
      port: member.port,
      keyFile: this.#keyFile,
      profile: member === this.far ? FAR_PROFILE : NEAR_PROFILE,
      profiles: { [`*@${this.far.host.name}`]: FAR_PROFILE },
    };
    const script = fileURLToPath(new URL('./liveness-process.js', import.meta.url));
    const child = member.host.fork(script, [JSON.stringify(setup)]);
    const party = new Party<LivenessCommand, LivenessReport>(
      member.name,
      child,
      ({ event, atNs }) => {
        // What a process that was killed had still to tell is of no interest.
        if (member.party !== party) return;
        this.#note({ by: member, atMs: Number(BigInt(atNs)) / 1e6, event });
      },
    );
    member.party = party;
  }

  #note(seen: Seen): void {
    const { by, event } = seen;
    const { peer } = event;
    this.#seen.push(seen);
    if (event.kind === 'nodeup') by.links.add(peer);
    if (event.kind === 'nodedown') {
      by.links.delete(peer);
      by.impaired.delete(peer);
      const other = this.all.find(({ name }) => name === peer);
      if (!by.isOut && other?.isOut !== true) this.falseNodedown.push(seen);
    }
    if (event.kind === 'redundancy') {
      if (event.state === 'lost') by.impaired.add(peer);
      else by.impaired.delete(peer);
    }
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.done();
  }
}
