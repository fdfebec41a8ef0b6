/**
 * Requests that have no answer yet, of programs here and of other nodes: part of a machine. Each is
 * answered once: by who carries it out here, by the node it was passed on to, or by its deadline.
 */
import type { ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import type { Core } from './core.js';
import type { Answer, Request } from './replica-io.js';
import type { Writer } from './rights.js';

/** A request on its way. */
export interface Ticket {
  readonly request: Request;
  /** Who asked: a node, or null for a program here. `id` is the asker's. */
  readonly from: string | null;
  readonly id: number;
  /** For whose program. */
  readonly writer: Writer;
  readonly deadlineMs: number;
  /** How often it was passed on before it came here. */
  readonly hops: number;
  /** From here on it may be in a log: no answer says any more that it is in none. */
  isAppended: boolean;
  /** The answer when the deadline comes, for what is not appended. */
  late: ErrorCode;
  isDone: boolean;
}

/** What may also mean that an earlier attempt has been appended. */
const NOT_THIS_TIME: readonly ErrorCode[] = ['ERR_REPLICAS', 'ERR_QUEUE_FULL', 'ERR_TIMEOUT'];

const TEXTS: Partial<Record<ErrorCode, string>> = {
  ERR_REPLICAS: 'not all masters are up, answering and able to store; nothing was appended',
  ERR_OUTCOME_UNKNOWN: 'it may be committed or not: ask again with the same request id',
  ERR_QUEUE_FULL: 'too much is under way; nothing was appended',
  ERR_TIMEOUT: 'the deadline passed; nothing was appended',
  ERR_BEHIND: 'this node has not yet seen what the session has',
  ERR_NOT_READY: 'this node has no configuration to read yet',
  ERR_FORBIDDEN: 'the rights of this node do not go so far',
  ERR_LINEAGE: 'the session comes from a lineage that was left behind',
};

export class Requests {
  readonly #core: Core;
  readonly #open = new Set<Ticket>();
  /** Passed on, by the id we gave them, and to whom. */
  readonly #sent = new Map<number, { readonly ticket: Ticket; readonly to: string }>();
  #lastId = 0;
  #nextDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Takes a request; null: there are too many, and it is answered already. */
  open(
    request: Request,
    from: string | null,
    id: number,
    writer: Writer,
    deadlineMs: number,
    hops = 0,
  ): Ticket | null {
    const ticket: Ticket = {
      request,
      from,
      id,
      writer,
      deadlineMs,
      hops,
      isAppended: false,
      late: 'ERR_TIMEOUT',
      isDone: false,
    };
    if (this.#open.size >= limits.configRequests) {
      this.fail(ticket, 'ERR_QUEUE_FULL');
      return null;
    }
    this.#open.add(ticket);
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, deadlineMs);
    return ticket;
  }

  answer(ticket: Ticket, answer: Answer): void {
    if (ticket.isDone) return;
    ticket.isDone = true;
    this.#open.delete(ticket);
    const { from, id } = ticket;
    const honest = honestAnswer(ticket, answer);
    if (from === null) this.#core.outputs.push({ type: 'answer', id, answer: honest });
    else this.#core.send(from, { type: 'answer', id, answer: honest });
  }

  fail(ticket: Ticket, code: ErrorCode, message = TEXTS[code] ?? code): void {
    this.answer(ticket, { type: 'error', code, message });
  }

  /** Passes a request on; its answer comes by `answered`. */
  pass(ticket: Ticket, to: string): void {
    if (ticket.hops >= limits.configHops) {
      this.fail(ticket, 'ERR_REPLICAS');
      return;
    }
    const { request, writer, hops, deadlineMs } = ticket;
    const id = ++this.#lastId;
    const waitMs = Math.max(0, Math.ceil(deadlineMs - this.#core.nowMs));
    this.#sent.set(id, { ticket, to });
    // From now on the sequencer may append it.
    ticket.isAppended = request.type !== 'read';
    this.#core.send(to, { type: 'request', id, request, writer, waitMs, hops: hops + 1 });
  }

  /**
   * The answer to a request that was passed on.
   * @returns The request, when there still is one.
   */
  answered(from: string, id: number): Ticket | null {
    const sent = this.#sent.get(id);
    if (sent === undefined || sent.to !== from) return null;
    this.#sent.delete(id);
    return sent.ticket.isDone ? null : sent.ticket;
  }

  /** The link to a node, or its machine, is gone: with it all answers from there and to there. */
  drop(name: string): void {
    for (const [id, { ticket, to }] of this.#sent) {
      if (to !== name) continue;
      this.#sent.delete(id);
      this.fail(ticket, ticket.isAppended ? 'ERR_OUTCOME_UNKNOWN' : 'ERR_REPLICAS');
    }
    for (const ticket of this.#open) {
      if (ticket.from !== name) continue;
      ticket.isDone = true;
      this.#open.delete(ticket);
    }
  }

  /** Answers what waits no longer. */
  tick(): void {
    const { nowMs } = this.#core;
    if (nowMs < this.#nextDeadlineMs) return;
    this.#nextDeadlineMs = Number.POSITIVE_INFINITY;
    for (const ticket of this.#open) {
      if (nowMs >= ticket.deadlineMs) {
        this.fail(ticket, ticket.isAppended ? 'ERR_OUTCOME_UNKNOWN' : ticket.late);
      } else {
        this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, ticket.deadlineMs);
      }
    }
    for (const [id, { ticket }] of this.#sent) if (ticket.isDone) this.#sent.delete(id);
  }

  deadline(): number {
    return this.#nextDeadlineMs;
  }
}

/**
 * What may be said: of a write that is asked for again, nobody can tell from this attempt that the
 * first one was appended nowhere.
 */
function honestAnswer({ request }: Ticket, answer: Answer): Answer {
  if (answer.type !== 'error' || request.type !== 'write' || request.askedAt === null) {
    return answer;
  }
  if (!NOT_THIS_TIME.includes(answer.code)) return answer;
  const code = 'ERR_OUTCOME_UNKNOWN';
  return { type: 'error', code, message: TEXTS[code] as string };
}
