/** One store, written to by one process after the other. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/config/store.js';
import type { SeededRandom } from '../../src/testing/random.js';
import { Deferred } from './deferred.js';
import type { StoreReport } from './store-process.js';
import { halfApplied, type Written } from './store-writes.js';
import type { Loss, Recovery, Subject, Victim } from './subject.js';

const program = fileURLToPath(new URL('store-process.js', import.meta.url));

/** What one process has told. */
class StoreVictim implements Victim {
  readonly started: Promise<void>;
  readonly recovered: Promise<Recovery>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #writes = 0;
  #wanted: { readonly at: number; readonly written: Deferred<void> } | null = null;

  constructor(args: readonly string[], onWritten: (written: Written) => void) {
    const child = fork(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child = child;
    // All messages have come by then, not only the exit.
    this.#ended = once(child, 'close');
    const failed = new Promise<never>((_, reject) => {
      child.on('message', (report: StoreReport) => {
        if (report.type === 'failed') reject(new Error(report.message));
      });
      void this.#ended.then(() => reject(new Error('the process has ended')));
    });
    failed.catch((error: Error) => this.#wanted?.written.reject(error));
    const when = <Type extends StoreReport['type']>(type: Type) => {
      const told = new Promise<Extract<StoreReport, { type: Type }>>((resolve) => {
        child.on('message', (report: StoreReport) => {
          if (report.type === type) resolve(report as Extract<StoreReport, { type: Type }>);
        });
      });
      return Promise.race([told, failed]);
    };
    this.started = when('opening').then(() => {});
    this.recovered = when('recovered').then(({ recovery }) => recovery);
    child.on('message', (report: StoreReport) => {
      if (report.type !== 'acknowledged') return;
      onWritten(report.written);
      this.#writes++;
      if (this.#writes === this.#wanted?.at) this.#wanted.written.resolve();
    });
  }

  afterWrites(count: number): Promise<void> {
    const written = new Deferred<void>();
    this.#wanted = { at: this.#writes + count, written };
    return written.promise;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** A store on a disk. */
export class StoreSubject implements Subject {
  readonly earlyMs = 60;
  readonly #path: string;
  readonly #random: SeededRandom;
  #acknowledged = 0;
  /** What has to be found: the last batch and those before it, as long as they are in the log. */
  #written: Written[] = [];

  constructor(path: string, random: SeededRandom) {
    this.#path = path;
    this.#random = random;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Nothing: a store that is not there is made. */
  async prepare(): Promise<void> {}

  async close(): Promise<void> {}

  start(): Victim {
    return new StoreVictim([this.#path, String(this.#random.u32())], (written) => {
      this.#acknowledged++;
      this.#written.push(written);
    });
  }

  async look(): Promise<Loss> {
    const store = await openStore(
      this.#path,
      { persisted: () => {}, failed: () => {} },
      this.#random.bytes(16).toString('hex'),
    );
    const { base, log } = store.contents;
    const last = base.revision + log.length;
    const gone = this.#written.filter(({ revision, text }) => {
      if (revision > last) return true;
      const entry = revision > base.revision ? log[revision - base.revision - 1] : undefined;
      return text !== null && entry !== undefined && String(entry) !== text;
    });
    const lost = gone.map(
      ({ revision }) => `revision ${revision} was acknowledged, last is ${last}`,
    );
    const half = halfApplied(store.contents);
    await store.close();
    this.#written = this.#written.filter(({ revision }) => revision > base.revision);
    return { lost: gone.length, halfApplied: half.length, findings: [...lost, ...half] };
  }

  async reset(): Promise<void> {
    rmSync(this.#path, { recursive: true, force: true });
    this.#written = [];
  }
}
