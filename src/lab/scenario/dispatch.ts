/**
 * Tasks on three hosts, while workers and whole hosts are killed and started again, and a plane is
 * cut. The submitter is on the first host, whose workers are killed like the others; that host
 * itself stays, since tasks live in the memory of their submitter.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Delivery } from '../../cluster.js';
import { LabError } from '../../errors.js';
import { systemRuntime } from '../../runtime/index.js';
import type { LabHost } from '../network/host.js';
import { createLab, type Lab } from '../network/lab.js';
import { Chance } from './coldstart-chance.js';
import { measureOverhead, type OverheadCase, type OverheadOptions } from './dispatch-overhead.js';
import type {
  DispatchCommand,
  DispatchEvent,
  DispatchReport,
  DispatchSetup,
} from './dispatch-protocol.js';
import {
  type DispatchFigures,
  dispatchViolations,
  figuresOf,
  readRuns,
} from './dispatch-verdict.js';
import { writeKeyFile } from './ends.js';
import { Party } from './party.js';

export const DISPATCH_PROFILE = 'lan';
const HOSTS = 3;
const WORKERS_PER_HOST = 2;
const FIRST_PORT = 7500;
/** Every so many kills a host goes, with all its workers and without a word. */
const HOST_EVERY = 5;
/** A kill comes so soon after tasks were submitted, at most: many are under way. */
const KILL_WITHIN_MS = 100;
/** A process that starts in a guest beside others, and links. */
const WITHIN_MS = 120_000;

type DispatchParty = Party<DispatchCommand, DispatchReport>;

export interface DispatchOptions extends OverheadOptions {
  readonly tasks: number;
  readonly kills: number;
  readonly seed: number;
}

export interface DispatchResult {
  readonly kinds: Readonly<Record<Delivery, DispatchFigures>>;
  readonly workerKills: number;
  readonly hostKills: number;
  readonly planeCuts: number;
  /** What a task takes, beside piscina's. */
  readonly cases: readonly OverheadCase[];
  readonly violations: readonly string[];
}

/** One worker: its place, which stays, and the process that runs it now. */
interface Worker {
  readonly name: string;
  readonly host: LabHost;
  port: number;
  starts: number;
  party: DispatchParty | null;
}

class Dispatching {
  readonly #options: DispatchOptions;
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #chance: Chance;
  readonly #workers: readonly Worker[];
  readonly #up = new Set<string>();
  #submitter!: DispatchParty;
  /** Of whoever waits for a change of who is up; two of a host are waited for at a time. */
  #wakes: (() => void)[] = [];
  #workerKills = 0;
  #hostKills = 0;
  #planeCuts = 0;

  constructor(options: DispatchOptions, lab: Lab, folder: string) {
    this.#options = options;
    this.#lab = lab;
    this.#folder = folder;
    this.#chance = new Chance(options.seed);
    writeKeyFile(this.#file('cluster.key'));
    mkdirSync(this.#file('runs'));
    mkdirSync(this.#file('effects'));
    this.#workers = lab.hosts.flatMap((host) =>
      Array.from({ length: WORKERS_PER_HOST }, (_, index): Worker => {
        const port = FIRST_PORT + 1 + index * 1000;
        return { name: `w${index + 1}@${host.name}`, host, port, starts: 0, party: null };
      }),
    );
  }

  async run(): Promise<Omit<DispatchResult, 'cases'>> {
    const { tasks, kills, progress } = this.#options;
    const host = this.#lab.host(1);
    this.#submitter = this.#fork('submitter', `submitter@${host.name}`, host, FIRST_PORT);
    await this.#submitter.report('ready', WITHIN_MS);
    await this.#startAll(this.#workers);
    for (let kill = 0; kill < kills; kill++) {
      const from = Math.floor((tasks * kill) / kills);
      await this.#round(kill, Math.floor((tasks * (kill + 1)) / kills) - from);
      progress(`${kill + 1} of ${kills} kills`);
    }
    this.#submitter.command({ type: 'settle' });
    const { kinds: settled } = await this.#submitter.report('settled', WITHIN_MS);
    await Promise.all(this.#workers.map(({ party }) => party?.kill()));
    this.#submitter.command({ type: 'finish' });
    await this.#submitter.ended();
    const written = readdirSync(this.#file('runs')).map((name) => {
      return readFileSync(path.join(this.#file('runs'), name), 'utf8');
    });
    const runs = readRuns(written, readdirSync(this.#file('effects')));
    const kinds = {
      'at-least-once': figuresOf(settled['at-least-once'], runs, 0),
      'at-most-once': figuresOf(settled['at-most-once'], runs, 1),
    };
    return {
      kinds,
      workerKills: this.#workerKills,
      hostKills: this.#hostKills,
      planeCuts: this.#planeCuts,
      violations: dispatchViolations(kinds),
    };
  }

  /** Tasks are submitted, and somebody is killed while they are done. */
  async #round(kill: number, count: number): Promise<void> {
    const isCut = kill === Math.floor(this.#options.kills / 2);
    this.#submitter.command({ type: 'submit', count });
    await this.#submitter.report('submitted');
    if (isCut) {
      this.#planeCuts++;
      this.#lab.cut('switch', this.#lab.planes[0] as string);
    }
    await sleep(this.#chance.unit(`when ${kill}`) * KILL_WITHIN_MS);
    if (kill % HOST_EVERY === HOST_EVERY - 1) await this.#killHost(kill);
    else await this.#killWorker(kill);
    if (isCut) this.#lab.heal();
  }

  async #killWorker(kill: number): Promise<void> {
    const worker = this.#chance.pick(`who ${kill}`, this.#workers);
    this.#workerKills++;
    await this.#end(worker);
    await this.#startAll([worker]);
  }

  /** Its power goes: processes and cables at once, and nobody is told. */
  async #killHost(kill: number): Promise<void> {
    const number = this.#chance.pick(`which ${kill}`, [2, 3]);
    const workers = this.#workers.filter(({ host }) => host.number === number);
    this.#hostKills++;
    for (const plane of this.#lab.planes) this.#lab.cut('blackhole', plane, number);
    await Promise.all(workers.map((worker) => this.#end(worker)));
    this.#lab.heal();
    await this.#startAll(workers);
  }

  /** SIGKILL; the submitter has noticed when this resolves. */
  async #end(worker: Worker): Promise<void> {
    await worker.party?.kill();
    worker.party = null;
    await this.#until(`${worker.name} down`, () => !this.#up.has(worker.name));
  }

  /** Starts workers and resolves when the submitter has links with them. */
  async #startAll(workers: readonly Worker[]): Promise<void> {
    for (const worker of workers) {
      // What a process that was killed has left behind at its port is no matter of the next one.
      worker.port += 1;
      worker.starts++;
      worker.party = this.#fork('worker', worker.name, worker.host, worker.port, worker.starts);
    }
    await Promise.all(workers.map(({ party }) => party?.report('ready', WITHIN_MS)));
    for (const { name, host, port } of workers) {
      this.#submitter.command({ type: 'connect', name, addresses: host.addresses, port });
    }
    await this.#until('links', () => workers.every(({ name }) => this.#up.has(name)));
  }

  async #until(what: string, isDone: () => boolean): Promise<void> {
    const deadlineMs = systemRuntime.clock.nowMs() + WITHIN_MS;
    while (!isDone()) {
      const leftMs = deadlineMs - systemRuntime.clock.nowMs();
      if (leftMs <= 0) throw new LabError('ERR_LAB', `${what}: not within ${WITHIN_MS} ms`);
      const ended = new AbortController();
      const woken = new Promise<void>((resolve) => {
        this.#wakes.push(resolve);
      });
      const late = sleep(leftMs, undefined, { signal: ended.signal }).catch(() => {});
      const failures = this.#workers.flatMap(({ party }) => (party === null ? [] : [party.failed]));
      await Promise.race([woken, late, this.#submitter.failed, ...failures]).finally(() =>
        ended.abort(),
      );
    }
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  #fork(
    role: DispatchSetup['role'],
    name: string,
    host: LabHost,
    port: number,
    starts = 0,
  ): DispatchParty {
    const setup: DispatchSetup = {
      role,
      name,
      planes: this.#lab.cidrs,
      port,
      keyFile: this.#file('cluster.key'),
      profile: DISPATCH_PROFILE,
      runsFile: path.join(this.#file('runs'), `${name}-${starts}`),
      effectsFolder: this.#file('effects'),
    };
    const script = fileURLToPath(new URL('./dispatch-process.js', import.meta.url));
    const child = host.fork(script, [JSON.stringify(setup)]);
    return new Party<DispatchCommand, DispatchReport>(name, child, ({ event }) => {
      this.#note(event);
    });
  }

  #note({ kind, peer }: DispatchEvent): void {
    if (kind === 'nodeup') this.#up.add(peer);
    else this.#up.delete(peer);
    for (const wake of this.#wakes.splice(0)) wake();
  }
}

/**
 * Runs it in a lab of this process.
 * @throws LabError ERR_LAB when a process fails to do its part.
 */
export async function runDispatch(options: DispatchOptions): Promise<DispatchResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-dispatch-'));
  const lab = await createLab({ hosts: HOSTS });
  try {
    const result = await new Dispatching(options, lab, folder).run();
    return { ...result, cases: await measureOverhead(lab, folder, options) };
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
