/** A supervisor with a clock and processes that do what the test says. */

import { Supervisor } from '../../../src/workers/supervisor.js';
import type {
  Ending,
  SupervisorEvent,
  SupervisorInput,
} from '../../../src/workers/supervisor-io.js';
import {
  type Desired,
  groupSpec,
  type WorkerSpec,
  workerSpec,
} from '../../../src/workers/worker-spec.js';

export const CLEAN: Ending = { kind: 'code', code: 0 };
export const CRASH: Ending = { kind: 'code', code: 1 };
export const KILLED: Ending = { kind: 'signal', signal: 9 };

/** Workers by name, with what is not as usual. */
export type Wanted = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What a host is to run, as it stands in the configuration. */
export function desired(workers: Wanted, groups: Wanted = {}): Desired {
  return {
    workers: Object.entries(workers).map(([name, value]) =>
      workerSpec(name, { command: ['run', name], ...value }),
    ),
    groups: Object.entries(groups).map(([name, value]) => groupSpec(name, value)),
    refused: [],
  };
}

export class Bench {
  nowMs = 0;
  readonly machine = new Supervisor(0);
  readonly events: SupervisorEvent[] = [];
  /** What was asked of processes since it was looked at: `start a`, `15 a`. */
  #log: string[] = [];
  readonly running = new Map<string, WorkerSpec>();
  #pids = 100;

  step(input: SupervisorInput): void {
    this.machine.step(this.nowMs, input);
    for (let output = this.machine.poll(); output !== null; output = this.machine.poll()) {
      if (output.type === 'tell') this.events.push(output.event);
      else if (output.type === 'signal') this.#log.push(`${output.signal} ${output.worker}`);
      else {
        const { name } = output.spec;
        if (this.running.has(name)) throw new Error(`${name} was started twice`);
        this.running.set(name, output.spec);
        this.#log.push(`start ${name}`);
      }
    }
  }

  desire(workers: Wanted, groups: Wanted = {}): void {
    this.step({ type: 'desire', desired: desired(workers, groups) });
  }

  /** What was asked of processes since this was called last. */
  get asked(): string[] {
    const log = this.#log;
    this.#log = [];
    return log;
  }

  ready(...names: readonly string[]): void {
    for (const worker of names) {
      this.step({ type: 'started', worker, pid: this.#pids++ });
      this.step({ type: 'ready', worker });
    }
  }

  end(worker: string, ending: Ending = CRASH): void {
    this.running.delete(worker);
    this.step({ type: 'ended', worker, ending });
  }

  /** Time goes on, deadlines are met. */
  pass(byMs: number): void {
    const untilMs = this.nowMs + byMs;
    for (let dueMs = this.machine.deadline(); dueMs <= untilMs; dueMs = this.machine.deadline()) {
      if (dueMs < this.nowMs) throw new Error(`a deadline at ${dueMs}, and it is ${this.nowMs}`);
      this.nowMs = dueMs;
      this.step({ type: 'tick' });
      if (this.machine.deadline() <= dueMs) throw new Error('a deadline that stays');
    }
    this.nowMs = untilMs;
  }

  /** All of these run, without more ado. */
  up(workers: Wanted, groups: Wanted = {}): void {
    this.desire(workers, groups);
    this.ready(...Object.keys(workers));
    void this.asked;
  }

  state(name: string): string | undefined {
    return this.machine.view(this.nowMs).workers.find((each) => each.name === name)?.state;
  }

  /** Events of a type, shortened to what they are about. */
  told(type: SupervisorEvent['type']): SupervisorEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}
