/** Masters in processes of their own, of which some are killed while clients write. */
import { join } from 'node:path';
import { ID_DIGITS } from '../../src/config/entry.js';
import type { Answer, Request } from '../../src/config/replica-io.js';
import { openStore } from '../../src/config/store.js';
import { checkTransaction, encodeTransaction } from '../../src/config/transaction.js';
import { limits } from '../../src/limits.js';
import type { SeededRandom } from '../../src/testing/random.js';
import { MasterLinks } from './master-links.js';
import { type Acknowledged, judge } from './masters-judge.js';
import { MastersVictim } from './masters-victim.js';
import type { Loss, Subject, Victim } from './subject.js';

const CLIENTS = 6;
const REQUEST_MS = 2000;
const BOOTSTRAP_MS = 10_000;
/** A client that was refused waits so long. */
const PAUSE_MS = 5;
/** Of so many kills, one is of all masters at once. */
const ALL_EVERY = 6;
/** Keys of each client: every write changes both. */
const PAIRS = Array.from({ length: CLIENTS }, (_, client) =>
  ['a', 'b'].map((half) => `cluster/client-${client}/${half}`),
);
/** Acknowledged writes that are looked for: no more than request ids are remembered. */
const REMEMBERED = limits.configRequestIds / 2;

const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

export class MastersSubject implements Subject {
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
  #isOver = false;
  /** Newest revision that was acknowledged to any client. */
  #seen = 0;

  /** @param count of masters */
  constructor(folder: string, count: number, random: SeededRandom) {
    this.#folder = folder;
    this.#random = random;
    this.#names = Array.from(
      { length: count },
      (_, index) => `master${index + 1}@host${index + 1}`,
    );
    this.#links = new MasterLinks({
      opening: (name) => this.#victim?.opening(name),
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
    await this.#bootstrap();
    for (let client = 0; client < CLIENTS; client++) void this.#write(client);
    await victim.recovered;
    await victim.kill();
  }

  /** Asks until all are there and have met. */
  async #bootstrap(): Promise<void> {
    const [first] = this.#names as [string];
    const ids = { requestId: this.#id(), clusterId: this.#id(), lineage: this.#id() };
    const request = { type: 'bootstrap', ...ids, masters: this.#names, by: 'crash' } as const;
    const endMs = performance.now() + BOOTSTRAP_MS;
    for (;;) {
      const answer = await this.#links.ask(first, { ...request, atMs: Date.now() }, REQUEST_MS);
      if (answer?.type === 'done') return;
      if (performance.now() > endMs) throw new Error(`no cluster: ${JSON.stringify(answer)}`);
      await pause(PAUSE_MS);
    }
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
      const ids = { storeId: this.#id(), instance: this.#id() };
      this.#links.start({ name, masters: this.#names, path: join(this.#folder, name), ...ids });
    }
    return victim;
  }

  /** The stores of the masters that were killed, against all that was acknowledged. */
  async look(): Promise<Loss> {
    this.#written = this.#written.slice(-REMEMBERED);
    const findings: string[] = [];
    let lost = 0;
    let halfApplied = 0;
    const logs = new Map<number, string>();
    for (const name of this.#killed) {
      const path = join(this.#folder, name);
      const store = await openStore(path, { persisted: () => {}, failed: () => {} }, this.#id());
      const { missing, half, entries } = judge(store.contents, this.#written, PAIRS);
      await store.close();
      const apart = entries.filter(({ revision, hash }) => {
        const other = logs.get(revision) ?? hash;
        logs.set(revision, hash);
        return other !== hash;
      });
      lost += missing.length;
      halfApplied += half.length;
      const differing = apart.map(({ revision }) => `entry ${revision} is not that of the others`);
      findings.push(...[...missing, ...half, ...differing].map((what) => `${name}: ${what}`));
    }
    return { lost, halfApplied, findings };
  }

  /** Nothing: a cluster that has just begun is like any other. */
  reset(): void {}

  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#names.map((name) => this.#links.kill(name)));
  }

  /** One client: writes, asks again where it was not told what became of it, and writes again. */
  async #write(client: number): Promise<void> {
    for (let turn = 1; !this.#isOver; turn++) {
      const requestId = this.#id();
      const askedMs = performance.now();
      const value = `${turn} ${'x'.repeat(this.#random.below(300))}`;
      const write = PAIRS[client]!.map((key) => ({ put: key, value }));
      const transaction = encodeTransaction(checkTransaction({ write }));
      const askedAt = this.#seen;
      const asked = { type: 'write', requestId, transaction } as const;
      let answer = await this.#ask({ ...asked, askedAt: null });
      while (!this.#isOver && isOpen(answer)) {
        await pause(PAUSE_MS);
        answer = await this.#ask({ ...asked, askedAt });
      }
      if (answer?.type === 'committed') this.#wrote(requestId, answer.revision, askedMs);
      else await pause(PAUSE_MS);
    }
  }

  #wrote(requestId: string, revision: number, askedMs: number): void {
    this.#seen = Math.max(this.#seen, revision);
    this.#acknowledged++;
    this.#written.push({ requestId, revision });
    this.#victim?.wrote(askedMs);
  }

  #id(): string {
    return this.#random.bytes(ID_DIGITS / 2).toString('hex');
  }

  /** Asks any of the masters that run. */
  async #ask(request: Request): Promise<Answer | null> {
    const { ready } = this.#links;
    const name = ready[this.#random.below(Math.max(1, ready.length))];
    return name === undefined ? null : this.#links.ask(name, request, REQUEST_MS);
  }
}

/** Whether it is open what has become of a request. */
function isOpen(answer: Answer | null): boolean {
  return answer === null || (answer.type === 'error' && answer.code === 'ERR_OUTCOME_UNKNOWN');
}
