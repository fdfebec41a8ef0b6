/**
 * What may be read here, and who waits for it: part of a machine. Readers see the committed
 * revision, and never an earlier one than they have seen.
 */
import type { Core } from './core.js';
import type { Entry } from './entry.js';
import { forkFrom } from './epoch-record.js';
import type { Seen } from './replica-io.js';
import type { Requests, Ticket } from './requests.js';

interface Waiting {
  readonly ticket: Ticket;
  readonly seen: Seen | null;
}

/** Whether a reader can be served: now, later perhaps, or never on this lineage. */
type Service = 'now' | 'later' | 'never';

export class Reads {
  readonly #core: Core;
  readonly #requests: Requests;
  readonly #startMs: number;
  #waiting: Waiting[] = [];
  #isReadable = false;
  /** What watchers have been told; null: not yet, or of a state that is replaced. */
  #shown: number | null = null;

  constructor(core: Core, requests: Requests) {
    this.#core = core;
    this.#requests = requests;
    this.#startMs = core.nowMs;
  }

  get isReadable(): boolean {
    return this.#isReadable;
  }

  /** The newest revision that was shown; null: none of this state. */
  get shown(): number | null {
    return this.#shown;
  }

  /** Whether nobody needs to be waited for any more: the load timeout. */
  get isLoaded(): boolean {
    return this.#core.nowMs >= this.#loadAtMs;
  }

  get #loadAtMs(): number {
    return this.#startMs + this.#core.setup.loadMs;
  }

  /** A snapshot took the place of the state. */
  replaced(): void {
    this.#shown = null;
  }

  /** Answers when it may be read here what somebody has seen. */
  read(ticket: Ticket, seen: Seen | null): void {
    ticket.late = this.#isReadable ? 'ERR_BEHIND' : 'ERR_NOT_READY';
    this.#waiting.push({ ticket, seen });
  }

  /** Shows what is new, and serves who has waited for it. */
  settle(isCurrent: boolean): void {
    const { log } = this.#core;
    const record = log.recordAt(log.committed);
    if (record === null) return;
    if (!this.#isReadable && (isCurrent || this.isLoaded)) this.#isReadable = true;
    if (!this.#isReadable) return;
    const from = this.#shown ?? log.committed;
    if (this.#shown === null || log.committed > from) {
      const entries: Entry[] = [];
      for (let at = from + 1; at <= log.committed; at++) entries.push(log.entryAt(at) as Entry);
      this.#shown = log.committed;
      this.#core.show(record.lineage, log.committed, entries);
    }
    if (this.#waiting.length > 0) this.#serve();
  }

  deadline(): number {
    return this.isLoaded ? Number.POSITIVE_INFINITY : this.#loadAtMs;
  }

  #serve(): void {
    const { log } = this.#core;
    const revision = log.committed;
    const lineage = log.recordAt(revision)?.lineage as string;
    this.#waiting = this.#waiting.filter(({ ticket, seen }) => {
      if (ticket.isDone) return false;
      // A fresh read has to see what all masters have, and what its session has seen elsewhere.
      const { request } = ticket;
      const session = request.type === 'read' ? request.seen : null;
      const services = [this.#serviceOf(seen), this.#serviceOf(session)];
      const service = services.find((each) => each !== 'now') ?? 'now';
      if (service === 'now') this.#requests.answer(ticket, { type: 'read', lineage, revision });
      if (service === 'never') this.#requests.fail(ticket, 'ERR_LINEAGE');
      ticket.late = 'ERR_BEHIND';
      return service === 'later';
    });
  }

  #serviceOf(seen: Seen | null): Service {
    if (seen === null) return 'now';
    const { lineage, revision } = seen;
    const { log } = this.#core;
    const record = log.recordAt(log.committed);
    if (record === null) return 'later';
    if (record.lineage !== lineage) {
      const fork = forkFrom(record, lineage);
      // Of a lineage that is unknown here, we may come to know.
      if (fork === null) return 'later';
      if (revision > fork.revision) return 'never';
    }
    return log.committed >= revision ? 'now' : 'later';
  }
}
