/** One process of a scenario, seen from the scenario. */
import { LabError } from '../../errors.js';
import { systemRuntime } from '../../runtime/index.js';
import type { TrafficCommand, TrafficReport } from './protocol.js';

/** For whatever must happen within a scenario besides its own schedule. */
export const PATIENCE_MS = 20_000;

/** What every process may report. */
interface AnyReport {
  readonly type: string;
}

/** That a process cannot go on. */
interface FailedReport extends AnyReport {
  readonly code: string;
  readonly message: string;
}

/** What of a child a scenario needs. */
export interface PartyProcess {
  readonly pid?: number | undefined;
  readonly connected: boolean;
  readonly exitCode: number | null;
  readonly signalCode: NodeJS.Signals | null;
  send(message: object): unknown;
  kill(signal: NodeJS.Signals): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
  once(
    event: 'exit',
    listener: (code: number | null, signal: NodeJS.Signals | null) => void,
  ): unknown;
}

interface Waiter<Report> {
  readonly type: string;
  resolve(report: Report): void;
}

export class Party<
  Command extends object = TrafficCommand,
  Report extends AnyReport = TrafficReport,
> {
  /** Messages it has sent or received, as far as it told. */
  count = 0;
  readonly #name: string;
  readonly #child: PartyProcess;
  readonly #waiters = new Set<Waiter<Report>>();
  readonly #past: Report[] = [];
  readonly #failed: Promise<never>;
  readonly #drained: Promise<void>;
  #mayEnd = false;

  constructor(
    name: string,
    child: PartyProcess,
    onEvent: (report: Extract<Report, { type: 'event' }>) => void,
  ) {
    this.#name = name;
    this.#child = child;
    this.#failed = new Promise((_, reject) => {
      child.on('message', (message) => {
        const report = message as Report;
        if (report.type === 'failed') {
          const { code, message } = report as unknown as FailedReport;
          reject(new LabError('ERR_LAB', `${name}: ${code}: ${message}`));
        } else if (report.type === 'event') {
          onEvent(report as Extract<Report, { type: 'event' }>);
        } else this.#note(report);
      });
      child.once('exit', (code, signal) => {
        if (this.#mayEnd) return;
        const why = `${name} ended early: ${signal ?? `exit code ${code}`}`;
        const end = () => reject(new LabError('ERR_LAB', why));
        // 'exit' may come before its last reports have been read; 'disconnect' comes after them.
        if (child.connected) child.once('disconnect', end);
        else end();
      });
    });
    this.#failed.catch(() => {});
    this.#drained = new Promise((resolve) => void child.once('disconnect', () => resolve()));
  }

  /** Rejects with a LabError when the process fails, or ends without having been killed. */
  get failed(): Promise<never> {
    return this.#failed;
  }

  /** Its number in the kernel. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  command(command: Command): void {
    this.#child.send(command);
  }

  /** Stops it where it is: it reads nothing any more, and its kernel still does. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Ends it by SIGKILL; resolves when it is gone. That is no failure. */
  async kill(): Promise<void> {
    this.#mayEnd = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => void this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await gone;
  }

  /**
   * Resolves when it has ended, as it was told to, and all that it reported was heard. That is no
   * failure.
   * @throws LabError ERR_LAB when it fails first, or goes on for `withinMs`.
   */
  async ended(withinMs = PATIENCE_MS): Promise<void> {
    this.#mayEnd = true;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = systemRuntime.timers.after(withinMs, () => {
        reject(new LabError('ERR_LAB', `${this.#name} has not ended within ${withinMs} ms`));
      });
    });
    try {
      await Promise.race([this.#drained, this.#failed, late]);
    } finally {
      timer?.cancel();
    }
  }

  /**
   * The next report of a type, also one that has come already.
   * @throws LabError ERR_LAB when the process fails first, or says nothing within `withinMs`.
   */
  async report<T extends Report['type']>(
    type: T,
    withinMs = PATIENCE_MS,
  ): Promise<Extract<Report, { type: T }>> {
    const past = this.#past.findIndex((each) => each.type === type);
    if (past >= 0) return this.#past.splice(past, 1)[0] as Extract<Report, { type: T }>;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = systemRuntime.timers.after(withinMs, () => {
        const text = `${this.#name}: no report '${type}' within ${withinMs} ms`;
        reject(new LabError('ERR_LAB', text));
      });
    });
    const report = new Promise<Report>((resolve) => {
      this.#waiters.add({ type, resolve });
    });
    try {
      const first = await Promise.race([report, this.#failed, late]);
      return first as Extract<Report, { type: T }>;
    } finally {
      timer?.cancel();
    }
  }

  #note(report: Report): void {
    if (report.type === 'count') this.count = (report as unknown as { count: number }).count;
    const waiter = [...this.#waiters].find(({ type }) => type === report.type);
    if (waiter !== undefined) {
      this.#waiters.delete(waiter);
      waiter.resolve(report);
    } else if (report.type !== 'count') this.#past.push(report);
  }
}
