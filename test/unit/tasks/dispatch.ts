/** A dispatcher in the hands of a test: what it wants done, in words, and what becomes of it. */
import type {
  DispatchInput,
  DispatchLimits,
  DispatchOutput,
  TaskSpec,
} from '../../../src/tasks/dispatch-io.js';
import { Dispatcher } from '../../../src/tasks/dispatcher.js';

export const LIMITS: DispatchLimits = {
  tasks: 100,
  taskPriorities: 10,
  taskAttempts: 3,
  taskRetryMs: 250,
};

const POOL = 'p';

export class Dispatch {
  nowMs = 1000;
  readonly machine: Dispatcher;
  #lastId = 0;
  #ended = 0;
  readonly #attempts = new Map<number, { attempt: number; member: string }>();

  constructor(limits: Partial<DispatchLimits> = {}) {
    this.machine = new Dispatcher({ ...LIMITS, ...limits });
  }

  /** Steps one input; what came out, in words. */
  step(input: DispatchInput): string[] {
    this.machine.step(this.nowMs, input);
    const words: string[] = [];
    for (let output = this.machine.poll(); output !== null; output = this.machine.poll()) {
      words.push(this.#worded(output));
    }
    return words;
  }

  /** Lets time pass, with ticks where the machine wants them. */
  pass(durationMs: number): string[] {
    const endMs = this.nowMs + durationMs;
    const words: string[] = [];
    for (;;) {
      const atMs = this.machine.deadline();
      if (atMs === null || atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      words.push(...this.step({ type: 'tick' }));
    }
    this.nowMs = endMs;
    return words;
  }

  submit(spec: Partial<TaskSpec> = {}): string[] {
    const id = ++this.#lastId;
    const plain = { delivery: 'at-least-once', key: null, priority: 0, deadlineMs: null } as const;
    return this.step({ type: 'submit', task: { id, pool: POOL, ...plain, ...spec } });
  }

  member(name: string, concurrency = 1, ahead = 0, others = 0): string[] {
    const load = { ended: this.#ended, others };
    return this.step({ type: 'member', pool: POOL, name, concurrency, ahead, load });
  }

  gone(name: string): string[] {
    return this.step({ type: 'gone', pool: POOL, name });
  }

  /** The member is done. */
  answer(id: number, others = 0): string[] {
    const load = { ended: ++this.#ended, others };
    return this.step({ type: 'answered', ...this.#of(id), answer: `r${id}`, load });
  }

  refuse(id: number, isFull = true, others = 0): string[] {
    const load = { ended: this.#ended, others };
    return this.step({ type: 'refused', ...this.#of(id), isFull, load });
  }

  room(name: string, others = 0): string[] {
    const load = { ended: ++this.#ended, others };
    return this.step({ type: 'room', pool: POOL, name, load });
  }

  lose(id: number, mayHaveRun = true): string[] {
    return this.step({ type: 'lost', ...this.#of(id), mayHaveRun });
  }

  /** Which node has it. */
  at(id: number): string | undefined {
    return this.#attempts.get(id)?.member;
  }

  #of(id: number): { id: number; attempt: number } {
    return { id, attempt: this.#attempts.get(id)?.attempt ?? 0 };
  }

  #worded(output: DispatchOutput): string {
    const { type, id } = output;
    switch (type) {
      case 'run':
        this.#attempts.set(id, output);
        return `${id} to ${output.member}`;
      case 'abort':
        return `abort ${id}`;
      case 'settle': {
        const { end } = output;
        if (end.type === 'answered') return `${id}: ${end.answer}`;
        return end.type === 'unfit' ? `${id} unfit` : `${id} ${end.code} ran ${end.ran}`;
      }
    }
  }
}
