/** A task in the hands of the program that submitted it. */
import { limits } from '../limits.js';
import { Newest } from './newest.js';

/** A task that was submitted: its result, how far it is, and the way to give it up. */
export class TaskHandle<Result = unknown> {
  /** Grows from task to task of one node. */
  readonly id: number;
  readonly pool: string;
  /**
   * What the handler came to. Rejects with a TaskError: ERR_HANDLER (the handler failed),
   * ERR_TIMEOUT (`deadlineMs`), ERR_CANCELLED, ERR_OUTCOME_UNKNOWN (its member was lost, and it
   * must not run twice, or was lost too often), ERR_QUEUE_FULL (over limits.tasks), ERR_CLOSED; or
   * with a NodeError ERR_ARGUMENT or ERR_MESSAGE_TOO_LARGE: its body cannot be sent.
   */
  readonly result: Promise<Result>;
  readonly #progress = new Newest<unknown>(limits.taskProgress);
  readonly #cancel: () => void;
  #wake: () => void = () => {};
  #isOver = false;
  #member: string | null = null;
  #attempt = 0;

  /** @internal Made by `Tasks.run`. */
  constructor(id: number, pool: string, result: Promise<Result>, cancel: () => void) {
    this.id = id;
    this.pool = pool;
    this.result = result;
    this.#cancel = cancel;
  }

  /**
   * What the handler tells of its progress, until the task is over; for one reader. Where more
   * than limits.taskProgress wait for it, the oldest go; the rest is told before the result. A task
   * that was handed on begins anew.
   */
  get progress(): AsyncIterable<unknown> {
    return { [Symbol.asyncIterator]: () => this.#read() };
  }

  /** The node that has it, or had it last; null: none had it. */
  get member(): string | null {
    return this.#member;
  }

  /** How often it was given to a member. */
  get attempt(): number {
    return this.#attempt;
  }

  /**
   * Gives it up: `result` rejects with ERR_CANCELLED, and the handler's `signal` is aborted where
   * it runs. One that is over stays as it is.
   */
  cancel(): void {
    this.#cancel();
  }

  /** @internal */
  began(member: string, attempt: number): void {
    this.#member = member;
    this.#attempt = attempt;
  }

  /** @internal */
  tell(value: unknown): void {
    if (this.#isOver) return;
    this.#progress.push(value);
    this.#wake();
  }

  /** @internal */
  over(): void {
    this.#isOver = true;
    this.#wake();
  }

  async *#read(): AsyncGenerator<unknown, void, void> {
    for (;;) {
      const next = this.#progress.shift();
      if (next !== undefined) yield next.value;
      else if (this.#isOver) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
