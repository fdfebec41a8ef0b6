/** One traffic process, seen from the scenario. */
import { LabError } from '../../errors.js';
import type { ChildProcess } from '../../runtime/child-process.js';
import { systemRuntime } from '../../runtime/index.js';
import type { TrafficCommand, TrafficReport } from './protocol.js';

/** For whatever must happen within a scenario besides its own schedule. */
export const PATIENCE_MS = 20_000;

type ReportOf<T extends TrafficReport['type']> = Extract<TrafficReport, { type: T }>;

interface Waiter {
  readonly type: TrafficReport['type'];
  resolve(report: TrafficReport): void;
}

export class Party {
  /** Messages it has sent or received, as far as it told. */
  count = 0;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiters = new Set<Waiter>();
  readonly #past: TrafficReport[] = [];
  readonly #failed: Promise<never>;

  constructor(name: string, child: ChildProcess, onEvent: (report: ReportOf<'event'>) => void) {
    this.#name = name;
    this.#child = child;
    this.#failed = new Promise((_, reject) => {
      child.on('message', (report: TrafficReport) => {
        if (report.type === 'failed') {
          reject(new LabError('ERR_LAB', `${name}: ${report.code}: ${report.message}`));
        } else if (report.type === 'event') onEvent(report);
        else this.#note(report);
      });
      child.once('exit', (code, signal) => {
        const why = `${name} ended early: ${signal ?? `exit code ${code}`}`;
        const end = () => reject(new LabError('ERR_LAB', why));
        // 'exit' may come before its last reports have been read; 'disconnect' comes after them.
        if (child.connected) child.once('disconnect', end);
        else end();
      });
    });
    this.#failed.catch(() => {});
  }

  command(command: TrafficCommand): void {
    this.#child.send(command);
  }

  /**
   * The next report of a type, also one that has come already.
   * @throws LabError ERR_LAB when the process fails first, or says nothing within `withinMs`.
   */
  async report<T extends TrafficReport['type']>(
    type: T,
    withinMs = PATIENCE_MS,
  ): Promise<ReportOf<T>> {
    const past = this.#past.findIndex((each) => each.type === type);
    if (past >= 0) return this.#past.splice(past, 1)[0] as ReportOf<T>;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = systemRuntime.timers.after(withinMs, () => {
        const text = `${this.#name}: no report '${type}' within ${withinMs} ms`;
        reject(new LabError('ERR_LAB', text));
      });
    });
    const report = new Promise<TrafficReport>((resolve) => {
      this.#waiters.add({ type, resolve });
    });
    try {
      return (await Promise.race([report, this.#failed, late])) as ReportOf<T>;
    } finally {
      timer?.cancel();
    }
  }

  #note(report: TrafficReport): void {
    if (report.type === 'count') this.count = report.count;
    const waiter = [...this.#waiters].find(({ type }) => type === report.type);
    if (waiter !== undefined) {
      this.#waiters.delete(waiter);
      waiter.resolve(report);
    } else if (report.type !== 'count') this.#past.push(report);
  }
}
