/**
 * Asks other nodes something, and again whenever they say that their answer has changed: one
 * question at a time to each, so that the answer that is heard last is the newest.
 */
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';

/** What of a node it needs. */
export type AskerNode = Pick<ClusterNode, 'call' | 'nodes' | 'runtime'>;

interface Question {
  isToBeAskedAgain: boolean;
}

export class Asker {
  readonly #node: AskerNode;
  readonly #topic: string;
  readonly #answered: (from: string, answer: unknown) => void;
  readonly #questions = new Map<string, Question>();
  #isClosed = false;

  /** @param answered what it throws counts as no answer */
  constructor(node: AskerNode, topic: string, answered: (from: string, answer: unknown) => void) {
    this.#node = node;
    this.#topic = topic;
    this.#answered = answered;
  }

  /** Asks a node that there is a link with. */
  ask(name: string): void {
    const question = this.#questions.get(name);
    if (question === undefined) void this.#ask(name);
    else question.isToBeAskedAgain = true;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #ask(name: string): Promise<void> {
    const question: Question = { isToBeAskedAgain: false };
    this.#questions.set(name, question);
    const isLate = await this.#isLate(name);
    this.#questions.delete(name);
    if (question.isToBeAskedAgain) this.ask(name);
    else if (isLate) this.#askLater(name);
  }

  /** @returns Whether it is to be asked again though it has said nothing. */
  async #isLate(name: string): Promise<boolean> {
    try {
      const deadlineMs = limits.controllerAskMs;
      const answer = await this.#node.call(name, this.#topic, null, { deadlineMs });
      if (!this.#isClosed) this.#answered(name, answer);
      return false;
    } catch (error) {
      // Without a link it is asked when there is one, and who has no handler yet says when it has.
      const { code } = error as { readonly code?: unknown };
      return code === 'ERR_TIMEOUT' || code === 'ERR_QUEUE_FULL';
    }
  }

  #askLater(name: string): void {
    const again = () => {
      const isLinked = this.#node.nodes.some((node) => node.name === name);
      if (isLinked && !this.#isClosed) this.ask(name);
    };
    this.#node.runtime.timers.after(limits.controllerAskMs, again, { unref: true });
  }
}
