/** Controllers of the scenario `supervision`, one after the other, and what runs under them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerEvent, WorkersView } from '../../cluster.js';
import { LabError } from '../../errors.js';
import { spawn } from '../../runtime/child-process.js';
import { systemRuntime } from '../../runtime/index.js';
import { killIfThere } from '../kill-if-there.js';
import { PATIENCE_MS, Party } from './party.js';
import type {
  Described,
  SupervisionCommand,
  SupervisionReport,
  SupervisionSetup,
} from './supervision-protocol.js';

/** A host whose processors have other things to do may take long to start a process. */
export const START_PATIENCE_MS = 3 * PATIENCE_MS;

/** A keeper that runs, as the system sees it. */
export interface LiveKeeper {
  readonly pid: number;
  readonly instance: string;
  readonly worker: string;
}

/** What is waited for, and what is told when it has come. */
interface Waiter {
  readonly isIt: (event: WorkerEvent) => boolean;
  resolve(event: WorkerEvent): void;
}

export class SupervisionCast {
  /** All that the present controller has told. */
  events: WorkerEvent[] = [];
  readonly #setup: SupervisionSetup;
  #party: Party<SupervisionCommand, SupervisionReport> | null = null;
  readonly #waiters = new Set<Waiter>();

  constructor(folder: string) {
    this.#setup = { folder, endingsFile: join(folder, 'endings') };
  }

  /** Starts a controller; resolves when it has adopted what there was. */
  async begin(): Promise<void> {
    this.events = [];
    const script = fileURLToPath(new URL('./supervision-process.js', import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify(this.#setup)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const party = new Party<SupervisionCommand, SupervisionReport>(
      'controller',
      child,
      ({ event }) => this.#heard(event),
    );
    this.#party = party;
    await party.report('ready', START_PATIENCE_MS);
  }

  get #controller(): Party<SupervisionCommand, SupervisionReport> {
    if (this.#party === null) throw new LabError('ERR_LAB', 'no controller was started');
    return this.#party;
  }

  /** Ends the controller by SIGKILL. */
  async kill(): Promise<void> {
    await this.#party?.kill();
    this.#party = null;
  }

  desire(values: readonly Described[]): void {
    this.#controller.command({ type: 'desire', values });
  }

  drain(): void {
    this.#controller.command({ type: 'drain' });
  }

  async view(): Promise<WorkersView> {
    this.#controller.command({ type: 'view' });
    return (await this.#controller.report('view')).view;
  }

  /** The next event of a kind, from now on. */
  async next(
    isIt: (event: WorkerEvent) => boolean,
    withinMs: number = PATIENCE_MS,
  ): Promise<WorkerEvent> {
    let waiter: Waiter | undefined;
    const heard = new Promise<WorkerEvent>((resolve) => {
      waiter = { isIt, resolve };
      this.#waiters.add(waiter);
    });
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = systemRuntime.timers.after(withinMs, () => {
        reject(new LabError('ERR_LAB', `what was waited for did not come within ${withinMs} ms`));
      });
    });
    try {
      return await Promise.race([heard, late, this.#controller.failed]);
    } finally {
      timer?.cancel();
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  #heard(event: WorkerEvent): void {
    this.events.push(event);
    for (const waiter of [...this.#waiters]) if (waiter.isIt(event)) waiter.resolve(event);
  }

  /** Endings that any controller was told of: each instance with what it ended with. */
  get endings(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const line of linesOf(this.#setup.endingsFile)) {
      const { instance, ending } = JSON.parse(line) as WorkerEvent & { readonly ending: object };
      found.set(instance ?? '', Object.values(ending).join(' '));
    }
    return found;
  }

  /** Keepers of this scenario that run. */
  get keepers(): LiveKeeper[] {
    const found: LiveKeeper[] = [];
    const runFolder = join(this.#setup.folder, 'run');
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const [, folder = '', worker = ''] = textOf(`/proc/${pid}/cmdline`).split('\0');
      if (!folder.startsWith(`${runFolder}/`)) continue;
      found.push({ pid: Number(pid), instance: folder.slice(runFolder.length + 1), worker });
    }
    return found;
  }

  /** Ends everything at once; also when this process exits. */
  abandon(): void {
    // First who would start them again. A worker goes with its keeper.
    if (this.#party !== null) killIfThere(this.#party.pid);
    for (const { pid } of this.keepers) killIfThere(pid);
  }

  /** Ends everything, and waits until the controller is gone. */
  async close(): Promise<void> {
    await this.kill();
    this.abandon();
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Lines of a file; none where there is no file. */
export function linesOf(path: string): string[] {
  return textOf(path).split('\n').slice(0, -1);
}
