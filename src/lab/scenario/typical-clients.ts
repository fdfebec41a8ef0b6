/** The clients of the typical system: a program outside, which prints what its requests came to. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LabError } from '../../errors.js';
import type { ChildProcess } from '../../runtime/child-process.js';
import type { LabHost } from '../network/host.js';

/** What came of the requests that were answered within one second, as the program prints it. */
export interface ClientReport {
  readonly done: number;
  /** Why, one for each request. */
  readonly failed: readonly string[];
  /** Orders of which it is not known whether they were taken. */
  readonly unknown: readonly string[];
  /** Orders that were taken. */
  readonly orders: readonly string[];
  /** How many each host has answered. */
  readonly by: Readonly<Record<string, number>>;
  /** All prices that were told. */
  readonly prices: readonly number[];
  /** The longest that one took. */
  readonly ms: number;
}

export class TypicalClients {
  readonly reports: ClientReport[] = [];
  readonly #child: ChildProcess;
  #hasEnded = false;
  #wake: () => void = () => {};

  /** @param argv the program and its arguments */
  constructor(host: LabHost, argv: readonly string[]) {
    const child = host.spawn(argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.reports.push(JSON.parse(line) as ClientReport);
      this.#wake();
    });
    child.once('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** Where among the reports what happens from now on begins. */
  get mark(): number {
    return this.reports.length;
  }

  /** Resolves at a report, after a mark, that is as wanted. @throws LabError ERR_LAB: it ends. */
  async reported(mark: number, isWanted: (report: ClientReport) => boolean): Promise<void> {
    while (!this.reports.slice(mark).some(isWanted)) {
      if (this.#hasEnded) throw new LabError('ERR_LAB', 'the clients have ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when each of these hosts has answered a request after a mark. */
  async answeredBy(mark: number, hosts: readonly string[]): Promise<void> {
    for (const host of hosts) await this.reported(mark, ({ by }) => (by[host] ?? 0) > 0);
  }

  /** All that was reported since a mark. */
  since(mark: number): ClientReport {
    const reports = this.reports.slice(mark);
    const by: Record<string, number> = {};
    for (const report of reports) {
      for (const [host, count] of Object.entries(report.by)) by[host] = (by[host] ?? 0) + count;
    }
    return {
      done: reports.reduce((sum, { done }) => sum + done, 0),
      failed: reports.flatMap(({ failed }) => failed),
      unknown: reports.flatMap(({ unknown }) => unknown),
      orders: reports.flatMap(({ orders }) => orders),
      by,
      prices: [...new Set(reports.flatMap(({ prices }) => prices))],
      ms: Math.max(0, ...reports.map(({ ms }) => ms)),
    };
  }

  /** Ends them, when all they have asked for is answered. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
