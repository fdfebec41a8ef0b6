/** Every message and call of the workload, and what became of it at both ends. */
import { BackplaneError, type ErrorCode } from '../../../src/errors.js';
import type { Outcome } from '../../../src/link/types.js';
import { LATEST_TIMER_MS } from '../../../src/testing/virtual-process.js';
import type { Checker } from './checker.js';
import type { LinkEnd } from './link-end.js';
import type { SimMember } from './member.js';

/** What a topic's handler does. */
export const TOPICS = [
  'order',
  'slow',
  'throw',
  'nobody',
  'echo',
  'later',
  'fail',
  'never',
] as const;
export type Topic = (typeof TOPICS)[number];

/** The code of what the handler of 'fail' throws. */
export const FAIL_CODE = 'E_PROGRAM';

/** One message, from `send` or `call` to its end. */
export interface SentMessage {
  readonly id: number;
  readonly end: LinkEnd;
  readonly topic: Topic;
  /** Null where no order is promised. */
  readonly order: { readonly key: string; readonly number: number } | null;
  readonly mayExpire: boolean;
  outcome: Outcome['type'] | null;
  isHandled: boolean;
}

export interface CallRecord extends SentMessage {
  readonly askedMs: number;
  readonly deadlineMs: number;
}

/** A call may end so much after its deadline. */
const CALL_SLACK_MS = 2 * LATEST_TIMER_MS + 2;

export class Ledger {
  readonly counts = { sent: 0, handled: 0, calls: 0, answers: 0 };
  readonly messages: SentMessage[] = [];
  readonly #checker: Checker;
  readonly #nowMs: () => number;
  /** Ends that are down and whose calls must be over by the next look. */
  #ended: LinkEnd[] = [];

  constructor(checker: Checker, nowMs: () => number) {
    this.#checker = checker;
    this.#nowMs = nowMs;
  }

  /** The id for the next message. */
  get nextId(): number {
    return this.messages.length;
  }

  sent(message: SentMessage): void {
    this.counts.sent++;
    this.messages.push(message);
    message.end.pending.add(message);
  }

  /** `send` or `call` threw: nothing was sent. */
  notSent(message: SentMessage, error: unknown): void {
    message.end.pending.delete(message);
    message.end.calls.delete(message as CallRecord);
    message.outcome = 'unsent';
    const code = error instanceof BackplaneError ? error.code : String(error);
    const expected = ['ERR_NO_LINK', 'ERR_QUEUE_FULL', 'ERR_CLOSED'];
    if (!expected.includes(code)) this.#violated(message, `threw ${code}`);
  }

  told(message: SentMessage, outcome: Outcome): void {
    if (message.outcome !== null) {
      this.#violated(message, `has two outcomes, ${message.outcome} and ${outcome.type}`);
    }
    message.outcome = outcome.type;
    message.end.pending.delete(message);
    if (message.end.isDown) this.#violated(message, `was told ${outcome.type} after nodedown`);
    if (outcome.type === 'delivered') this.#delivered(message, outcome.code ?? null);
    else if (message.isHandled && outcome.type !== 'unknown') {
      this.#violated(message, `was told ${outcome.type} and handled`);
    }
    if (outcome.type === 'expired' && !message.mayExpire) this.#violated(message, 'has no ttl');
  }

  #delivered(message: SentMessage, code: ErrorCode | null): void {
    const expected = message.topic === 'nobody' ? 'ERR_NO_HANDLER' : null;
    if (code !== expected) this.#violated(message, `is delivered, with ${code}`);
    if (code === null && !message.isHandled) {
      this.#violated(message, 'is delivered, and was not handled');
    }
  }

  /** A message reached a handler. Null when it must not have. */
  handled(member: SimMember, from: string, body: unknown): SentMessage | null {
    const [id] = body as [number];
    const message = this.messages[id];
    if (message === undefined) {
      this.#checker.violated(`${member.name} handled a message that nobody sent`);
      return null;
    }
    this.counts.handled++;
    const end = this.#checker.current(member, from);
    if (end === undefined) this.#violated(message, 'was handled without a link');
    else if (end.identity !== message.end.identity || end.member === message.end.member) {
      this.#violated(message, 'was handled on another link than it was sent on');
    }
    if (message.isHandled) this.#violated(message, 'was handled twice');
    if (message.outcome === 'unsent' || message.outcome === 'expired') {
      this.#violated(message, `was handled after it was told ${message.outcome}`);
    }
    message.isHandled = true;
    if (message.order !== null && end !== undefined) {
      const { key, number } = message.order;
      const expected = end.nextToHandle.get(key) ?? 0;
      if (number !== expected) this.#violated(message, `is number ${number}, not ${expected}`);
      end.nextToHandle.set(key, number + 1);
    }
    return message;
  }

  // --- calls

  called(call: CallRecord): void {
    this.counts.calls++;
    this.messages.push(call);
    call.end.calls.add(call);
  }

  answered(call: CallRecord, answer: unknown): void {
    this.counts.answers++;
    this.#over(call);
    const [id] = answer as [number];
    if (id !== call.id) this.#violated(call, `has the answer of ${id}`);
    if (!call.isHandled) this.#violated(call, 'has an answer and was not handled');
    if (call.topic !== 'echo' && call.topic !== 'later') this.#violated(call, 'has an answer');
  }

  failed(call: CallRecord, error: unknown): void {
    const { code, outcome, remoteCode } = error as {
      code?: string;
      outcome?: Outcome['type'];
      remoteCode?: string;
    };
    if (call.end.member.isGone) return;
    switch (code) {
      case 'ERR_TIMEOUT':
        this.#over(call);
        return this.#timedOut(call);
      case 'ERR_LINK_DOWN':
        this.#over(call);
        return this.#linkEnded(call, outcome ?? null);
      case 'ERR_HANDLER':
        this.#over(call);
        if (call.topic !== 'fail' || remoteCode !== FAIL_CODE || !call.isHandled) {
          this.#violated(call, `failed with ${code} ${remoteCode}`);
        }
        return;
      case 'ERR_NO_HANDLER':
        this.#over(call);
        if (call.topic !== 'nobody') this.#violated(call, `failed with ${code}`);
        return;
      default:
        this.notSent(call, error);
    }
  }

  /** Runs after each event, when all promises have settled. */
  afterEvent(): void {
    if (this.#ended.length === 0) return;
    for (const end of this.#ended) {
      const [call] = end.calls;
      if (call !== undefined) this.#violated(call, 'waits, and its link is over');
    }
    this.#ended = [];
  }

  /** A link is over: its calls have to be. */
  ended(end: LinkEnd): void {
    this.#ended.push(end);
  }

  /** Runs every now and then: calls whose deadline has passed. */
  look(ends: readonly LinkEnd[]): void {
    for (const { calls, member } of ends) {
      for (const call of calls) {
        const overdueMs = this.#nowMs() - call.askedMs - call.deadlineMs;
        const since = call.askedMs;
        if (member.health.stalledMs(since, this.#nowMs(), 0) > 0) continue;
        if (overdueMs > CALL_SLACK_MS) this.#violated(call, 'waits beyond its deadline');
      }
    }
  }

  #timedOut(call: CallRecord): void {
    const tookMs = this.#nowMs() - call.askedMs;
    if (tookMs < call.deadlineMs) this.#violated(call, `timed out after ${tookMs} ms`);
  }

  #linkEnded(call: CallRecord, outcome: Outcome['type'] | null): void {
    if (!call.end.isDown) this.#violated(call, 'failed with its link, which is up');
    const isWrong =
      outcome === 'delivered'
        ? !call.isHandled && call.topic !== 'nobody'
        : outcome !== 'unknown' && call.isHandled;
    if (isWrong) {
      this.#violated(call, `failed as ${outcome}, handled: ${call.isHandled}`);
    }
    call.outcome = outcome;
  }

  #over(call: CallRecord): void {
    if (!call.end.calls.delete(call)) this.#violated(call, 'ended twice');
  }

  #violated({ id, end, topic }: SentMessage, what: string): void {
    const { member, peerName } = end;
    this.#checker.violated(`${member.name} to ${peerName}: message ${id} (${topic}) ${what}`);
  }
}
