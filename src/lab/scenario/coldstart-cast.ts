/**
 * Who takes part in the scenario `coldstart`: a node on each of four hosts, two of them masters at
 * first, each with its store; and the operator, who runs the real command.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import type { ChildProcess } from '../../runtime/child-process.js';
import { systemRuntime } from '../../runtime/index.js';
import type { LabHost } from '../network/host.js';
import type { Lab } from '../network/lab.js';
import type {
  ColdStartCommand,
  ColdStartEvent,
  ColdStartReport,
  ColdStartSetup,
  NodeStatus,
  ReadState,
  WriteOutcome,
} from './coldstart-protocol.js';
import { writeKeyFile } from './ends.js';
import { Party } from './party.js';

export const COLD_START_PROFILE = 'lan';
/** The load timeout of all nodes. */
export const LOAD_MS = 3000;

const NODES = ['one', 'two', 'three', 'four'] as const;
const MASTERS = 2;
/**
 * For a process that starts beside others, and for whatever must happen besides: it ends a run in
 * which something hangs, and judges nothing. Four processes that start need 7 s of a processor; a
 * guest that got a seventh of one, on a machine busy with other things, had none ready after 90 s.
 */
export const WITHIN_MS = 300_000;
/** How long nodes have for what they are asked. */
const PATIENCE_MS = 10_000;

/** How a process is ended. */
export type Ending = 'stop' | 'kill -9';

/** One write, as its node told. */
export interface Written {
  readonly outcome: WriteOutcome;
  readonly revision: number;
}

/** What the operator's command printed last. */
export type Printed = Readonly<Record<string, unknown>>;

/** One node: its host and store, which stay, and the process that runs it now. */
export class Member {
  readonly name: string;
  readonly host: LabHost;
  readonly store: string;
  readonly control: string;
  party: Party<ColdStartCommand, ColdStartReport> | null = null;
  status: NodeStatus | null = null;
  /** Names of the nodes it has a link with. */
  readonly links = new Set<string>();
  /** When its configuration was open, and what it told then; on the clock of `process.hrtime`. */
  openMs = 0;
  readableMs: number | null = null;
  downMs: number | null = null;
  /** What became of its writes since `write`, by their numbers. */
  written = new Map<number, Written>();

  constructor(name: string, host: LabHost, folders: Folders) {
    this.name = `${name}@${host.name}`;
    this.host = host;
    this.store = path.join(folders.stores, name);
    this.control = path.join(folders.scratch, `${name}.sock`);
  }

  /** Its process. @throws LabError ERR_LAB: it does not run. */
  get running(): Party<ColdStartCommand, ColdStartReport> {
    if (this.party === null) throw new LabError('ERR_LAB', `${this.name} does not run`);
    return this.party;
  }

  get acknowledged(): number {
    return [...this.written.values()].filter(({ outcome }) => outcome === 'acknowledged').length;
  }
}

/** Where files go. */
export interface Folders {
  /** Of the stores, on a disk. */
  readonly stores: string;
  /** Of all else. */
  readonly scratch: string;
}

interface Waiter {
  isDone(): boolean;
  done(): void;
}

export class Cast {
  readonly lab: Lab;
  readonly all: readonly Member[];
  readonly one: Member;
  readonly two: Member;
  readonly three: Member;
  readonly four: Member;
  readonly #keyFile: string;
  readonly #command: readonly string[];
  readonly #waiters = new Set<Waiter>();

  /** @param command the program `backplane` with what comes before its own arguments */
  constructor(lab: Lab, folders: Folders, command: readonly string[]) {
    this.lab = lab;
    this.#command = command;
    this.#keyFile = path.join(folders.scratch, 'cluster.key');
    writeKeyFile(this.#keyFile);
    const member = (number: number) => {
      return new Member(NODES[number - 1] as string, lab.host(number), folders);
    };
    this.one = member(1);
    this.two = member(2);
    this.three = member(3);
    this.four = member(4);
    this.all = [this.one, this.two, this.three, this.four];
  }

  /** Full names of the first masters. */
  get masters(): readonly string[] {
    return this.all.slice(0, MASTERS).map(({ name }) => name);
  }

  /** Starts a process; `isOpen` of it resolves when its configuration is. */
  start(member: Member): { readonly isOpen: Promise<void> } {
    const peers = this.all
      .filter((other) => other !== member)
      .map(({ name, host }) => ({ name, addresses: host.addresses }));
    const setup: ColdStartSetup = {
      name: member.name,
      planes: this.lab.cidrs,
      keyFile: this.#keyFile,
      profile: COLD_START_PROFILE,
      peers,
      store: member.store,
      control: member.control,
      masters: this.masters,
      loadMs: LOAD_MS,
    };
    member.status = null;
    member.links.clear();
    member.readableMs = null;
    member.downMs = null;
    const script = fileURLToPath(new URL('./coldstart-process.js', import.meta.url));
    const child = member.host.fork(script, [JSON.stringify(setup)]);
    const party = new Party<ColdStartCommand, ColdStartReport>(
      member.name,
      child,
      ({ event, atNs }) => {
        // What a process that was ended had still to tell of its writes counts.
        if (member.party === party || event.kind === 'written') {
          this.#note(member, event, Number(BigInt(atNs)) / 1e6);
        }
      },
    );
    member.party = party;
    const isOpen = party.report('ready', WITHIN_MS).then(
      ({ atNs }) => {
        member.openMs = Number(BigInt(atNs)) / 1e6;
      },
      // Whether the others are there tells one that hangs from a machine that is too busy.
      (cause: Error) => {
        throw new LabError('ERR_LAB', `${cause.message}; ${this.#described()}`, { cause });
      },
    );
    // Whoever waits for anything learns of a process that fails.
    isOpen.catch(() => {});
    return { isOpen };
  }

  /** Starts all of these, one right after the other, and resolves when they are open. */
  async startAll(members: readonly Member[] = this.all): Promise<void> {
    await Promise.all(members.map((member) => this.start(member).isOpen));
  }

  /** Ends a process. Resolves when it is gone, with all that it had told read. */
  async end(member: Member, how: Ending): Promise<void> {
    const { party } = member;
    if (party === null) return;
    member.party = null;
    if (how === 'stop') party.command({ type: 'stop' });
    else await party.kill();
    await party.ended(WITHIN_MS);
  }

  async endAll(how: Ending, members: readonly Member[] = this.all): Promise<void> {
    await Promise.all(members.map((member) => this.end(member, how)));
  }

  /** Drops the store of a node that does not run. */
  discard(member: Member): void {
    rmSync(member.store, { recursive: true });
  }

  /** What a node reads; `items` are those below the prefix. Rejects where it may not read. */
  async read(member: Member, prefix = 'cluster', fresh = true): Promise<ReadState> {
    const { code, state } = await this.tryRead(member, prefix, fresh);
    if (code === null) return state;
    throw new LabError('ERR_LAB', `${member.name} cannot read: ${code}`);
  }

  /** The same, with its code where it may not read. */
  async tryRead(member: Member, prefix = 'cluster', fresh = true, deadlineMs = PATIENCE_MS) {
    member.running.command({ type: 'read', fresh, prefix, deadlineMs });
    return member.running.report('read', WITHIN_MS);
  }

  /** The code of a write, or null where it was acknowledged. */
  async put(member: Member, key: string, value: unknown, deadlineMs = PATIENCE_MS) {
    member.running.command({ type: 'put', key, value, deadlineMs });
    return member.running.report('put', WITHIN_MS);
  }

  /** Runs the operator's command at a node, as a person would. @returns what it printed. */
  async run(member: Member, ...args: string[]): Promise<string> {
    const argv = [...this.#command, ...args, '--control', member.control];
    const child = member.host.spawn(argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    return outputOf(child);
  }

  /** The same, for what a program reads: the last line. It must succeed. */
  async order(member: Member, ...args: string[]): Promise<Printed> {
    const text = await this.run(member, ...args, '--json');
    const printed = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as Printed;
    if (printed['ok'] === true) return printed;
    throw new LabError('ERR_LAB', `${args.join(' ')}: ${text.trim()}`);
  }

  /** Resolves when all that run are one cluster that takes writes, and are linked. */
  async whole(members: readonly Member[] = this.all): Promise<void> {
    const isWhole = ({ status, links }: Member) =>
      status !== null &&
      status.readable !== null &&
      !status.isDown &&
      status.missing.length === 0 &&
      status.troubles.length === 0 &&
      links.size === members.length - 1;
    await this.until('all are one again', () => {
      const lineages = new Set(members.map(({ status }) => status?.lineage));
      const isLed = members.some(({ status }) => status?.isWritable === true);
      return isLed && lineages.size === 1 && members.every(isWhole);
    });
  }

  /**
   * Resolves when a condition holds, which can change with an event only.
   * @throws LabError ERR_LAB: it does not in time, or a process fails first.
   */
  async until(what: string, isDone: () => boolean, withinMs = WITHIN_MS): Promise<void> {
    if (isDone()) return;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = systemRuntime.timers.after(withinMs, () => {
        reject(new LabError('ERR_LAB', `${what}: not within ${withinMs} ms; ${this.#described()}`));
      });
    });
    let waiter: Waiter | undefined;
    const done = new Promise<void>((resolve) => {
      waiter = { isDone, done: resolve };
      this.#waiters.add(waiter);
    });
    const failures = this.all.flatMap(({ party }) => (party === null ? [] : [party.failed]));
    try {
      await Promise.race([done, late, ...failures]);
    } finally {
      timer?.cancel();
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /** How all are, for whoever has to find out why something did not come about. */
  #described(): string {
    const one = ({ name, status, links }: Member) => {
      const { role, epoch, readable, isWritable, isDown, missing, troubles } = status ?? {};
      const said = { role, epoch, readable, isWritable, isDown, missing, troubles };
      return `${name} ${JSON.stringify({ ...said, links: [...links] })}`;
    };
    return this.all
      .map((member) => (member.party === null ? `${member.name} off` : one(member)))
      .join('; ');
  }

  #note(member: Member, event: ColdStartEvent, atMs: number): void {
    switch (event.kind) {
      case 'status':
        member.status = event.status;
        break;
      case 'readable':
        member.readableMs = atMs;
        break;
      case 'down':
        member.downMs = atMs;
        break;
      case 'up':
        member.downMs = null;
        break;
      case 'nodeup':
        member.links.add(event.peer);
        break;
      case 'nodedown':
        member.links.delete(event.peer);
        break;
      case 'written':
        member.written.set(event.number, event);
    }
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.done();
  }
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (data: Buffer) => {
    text += data.toString();
  });
  await once(child, 'close');
  return text;
}
