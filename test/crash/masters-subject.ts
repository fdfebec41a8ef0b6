/** Masters in processes of their own, of which some are killed while clients write. */
import { join } from 'node:path';
import type { SeededRandom } from '../../src/testing/random.js';
import { Clients, type ClientWrite, type WriteAnswer } from './clients.js';
import { MasterLinks } from './master-links.js';
import { type Acknowledged, judgeStores, REMEMBERED } from './masters-judge.js';
import { MastersVictim } from './masters-victim.js';
import type { Loss, Subject, Victim } from './subject.js';

/** Of so many kills, one is of all masters at once. */
const ALL_EVERY = 6;

/** Full names of so many. */
export function masterNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `master${index + 1}@host${index + 1}`);
}

export class MastersSubject implements Subject {
  readonly earlyMs = 60;
  readonly #folder: string;
  readonly #random: SeededRandom;
  readonly #names: readonly string[];
  readonly #links: MasterLinks;
  #acknowledged = 0;
  /** The newest of what was acknowledged. */
  #written: Acknowledged[] = [];
  /** Killed by the last victim: what is looked at. */
  #killed: readonly string[] = [];
  #victim: MastersVictim | null = null;
  #clients: Clients | null = null;

  /** @param count of masters */
  constructor(folder: string, count: number, random: SeededRandom) {
    this.#folder = folder;
    this.#random = random;
    this.#names = masterNames(count);
    this.#links = new MasterLinks({
      opening: (name) => this.#victim?.opening(name),
      opened: (name) => this.#victim?.opened(name),
      failed: (message) => this.#victim?.fail(message),
    });
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Makes the cluster: masters with empty stores, and the first lineage. */
  async prepare(): Promise<void> {
    const victim = this.start();
    await victim.started;
    this.#clients = new Clients({
      random: this.#random,
      ask: (write) => this.#ask(write),
      wrote: (acknowledged, askedMs) => {
        this.#acknowledged++;
        this.#written.push(acknowledged);
        this.#victim?.wrote(askedMs);
      },
    });
    await victim.recovered;
    await victim.kill();
  }

  start(): Victim {
    const isAll = this.#random.below(ALL_EVERY) === 0;
    const one = this.#names[this.#random.below(this.#names.length)]!;
    const killed = isAll ? this.#names : [one];
    const started = this.#names.filter((name) => !this.#links.isRunning(name));
    const victim = new MastersVictim(started, async () => {
      this.#killed = killed;
      await Promise.all(killed.map((name) => this.#links.kill(name)));
    });
    this.#victim = victim;
    for (const name of started) {
      this.#links.start({ name, masters: this.#names, path: this.#pathOf(name) });
    }
    return victim;
  }

  look(): Promise<Loss> {
    this.#written = this.#written.slice(-REMEMBERED);
    const places = this.#killed.map((name) => ({ name, path: this.#pathOf(name) }));
    return judgeStores(places, this.#written);
  }

  /** Nothing: a cluster that has just begun is like any other. */
  async reset(): Promise<void> {}

  async close(): Promise<void> {
    this.#clients?.end();
    await Promise.all(this.#names.map((name) => this.#links.kill(name)));
  }

  #pathOf(name: string): string {
    return join(this.#folder, name);
  }

  /** Asks any of the masters that run. */
  async #ask(write: ClientWrite): Promise<WriteAnswer> {
    const { ready } = this.#links;
    const name = ready[this.#random.below(Math.max(1, ready.length))];
    return name === undefined ? 'open' : this.#links.ask(name, write);
  }
}
