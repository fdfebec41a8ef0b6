/** A host for tests of the driver, with real keepers and real processes. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { keeperFile } from '../../../src/workers/keeper-text.js';
import type { WorkerEvent, WorkersOptions } from '../../../src/workers/options.js';
import { groupSpec, workerSpec } from '../../../src/workers/worker-spec.js';
import { startWorkers, type Workers } from '../../../src/workers/workers.js';
import type { Wanted } from './bench.js';
import { eventually, folderFor } from './keepers.js';

export const STAYS = { command: ['sleep', '1000000'] };
/** Of two that have ended together one starts anew because the other has failed. */
export const LEFT: Wanted = { a: { ...STAYS, restart: 'transient' }, b: STAYS };

/** A host with its controllers, one after the other. */
export class Host {
  readonly folder: string;
  readonly lines: string[] = [];
  workers: Workers | null = null;
  events: WorkerEvent[] = [];
  #wake: () => void = () => {};

  constructor(t: TestContext) {
    // Before the folder goes.
    t.after(() => this.end());
    this.folder = folderFor(t);
  }

  async start(options: Partial<WorkersOptions> = {}): Promise<Workers> {
    this.events = [];
    const line = (level: string) => (_: object, message: string) => {
      this.lines.push(`${level} ${message}`);
    };
    const log = Object.fromEntries(
      ['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, line(level)]),
    ) as unknown as NonNullable<WorkersOptions['log']>;
    const tell = (event: WorkerEvent) => {
      this.events.push(event);
      this.#wake();
    };
    this.workers = await startWorkers({ folder: this.folder, host: 'h', log, tell, ...options });
    return this.workers;
  }

  desire(workers: Wanted, groups: Wanted = {}): void {
    this.workers?.desire({
      workers: Object.entries(workers).map(([name, value]) => workerSpec(name, value)),
      groups: Object.entries(groups).map(([name, value]) => groupSpec(name, value)),
      refused: [],
    });
  }

  /** The first event of a type about a worker, from the controller's start on. */
  async told(type: WorkerEvent['type'], worker?: string): Promise<WorkerEvent> {
    for (;;) {
      const found = this.events.find(
        (event) => event.type === type && (worker === undefined || of(event) === worker),
      );
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** A process that has ended, as another controller has left it: `code 1`, in `exit` or `told`. */
  leave(instance: string, worker: string, file: 'exit' | 'told', ending: string): void {
    const folder = join(this.folder, 'run', instance);
    mkdirSync(folder, { recursive: true });
    const [name, value] = [worker, LEFT[worker]];
    const setup = {
      spec: workerSpec(name, value),
      env: {},
      output: '/nowhere',
      boot: '',
      cgroup: null,
    };
    writeFileSync(join(folder, 'keeper.1.1'), keeperFile(setup));
    writeFileSync(join(folder, file), `${ending} 1700000000000\n`);
  }

  get instances(): string[] {
    return readdirSync(join(this.folder, 'run'));
  }

  pid(worker: string): number {
    return this.workers?.view().workers.find(({ name }) => name === worker)?.pid ?? 0;
  }

  /** Ends all that runs. */
  async end(): Promise<void> {
    if (this.workers === null) return;
    this.desire({});
    await eventually(() => this.workers?.view().workers.length === 0);
    await this.workers.close();
  }
}

export const of = (event: WorkerEvent): string => ('worker' in event ? event.worker : '');
