/** What a program sends: checked, encoded, and given to the link that is up. */
import { limits } from '../limits.js';
import { encodeBody } from '../wire/payload.js';
import { bound } from './async-context.js';
import type { PendingCalls } from './calls.js';
import { traceCall } from './diagnostics.js';
import type { IncomingStream } from './incoming-stream.js';
import type { LiveLink } from './live-link.js';
import { checkOrderKey } from './names.js';
import { checkDeadlineMs } from './options.js';
import {
  type CallOptions,
  checkCreditBytes,
  checkSignal,
  checkTellOptions,
  type StreamOptions,
  type TellOptions,
  traceOf,
} from './send-options.js';

export interface OutgoingSetup {
  /** Of this node. */
  readonly name: string;
  /** Of calls and of items of streams, unless told otherwise. */
  readonly callDeadlineMs: number;
  readonly calls: PendingCalls;
  /** @throws NodeError ERR_NO_LINK, ERR_CLOSED. */
  linkTo(name: string): LiveLink;
}

export class Outgoing {
  readonly #setup: OutgoingSetup;

  constructor(setup: OutgoingSetup) {
    this.#setup = setup;
  }

  /** As `ClusterNode.send`, of a topic that was checked. */
  send(to: string, topic: string, body: unknown, options: TellOptions): boolean {
    const checked = checkTellOptions(options);
    const traceparent = traceOf(options);
    const { link } = this.#setup.linkTo(to);
    const { encoding, body: bytes } = encodeBody(body);
    const message = { kind: 'send', id: 0, topic, encoding, body: bytes, traceparent } as const;
    const { onOutcome } = options;
    return link.send(message, checked, onOutcome && bound(onOutcome));
  }

  /**
   * As `ClusterNode.call`, of a topic that was checked.
   * @throws as `ClusterNode.call`, what is known at once without a promise.
   */
  ask(to: string, topic: string, body: unknown, options: CallOptions): Promise<unknown> {
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? this.#setup.callDeadlineMs);
    const wait = { deadlineMs, signal: checkSignal(options.signal) };
    const { calls, name: ourName } = this.#setup;
    const { live, start } = this.#request('call', to, topic, body, options);
    return traceCall(ourName, to, topic, () => calls.make(live.name, topic, wait, start));
  }

  /** As `ClusterNode.stream`, of a topic that was checked. */
  stream(to: string, topic: string, body: unknown, options: StreamOptions): IncomingStream {
    const read = {
      idleMs: checkDeadlineMs(options.idleMs ?? this.#setup.callDeadlineMs),
      creditBytes: checkCreditBytes(options.creditBytes ?? limits.streamCreditBytes),
      signal: checkSignal(options.signal),
    };
    const { live, start } = this.#request('stream', to, topic, body, options);
    return this.#setup.calls.open(live.name, topic, read, start);
  }

  /** What asks for an answer, ready to be sent under a number. */
  #request(
    kind: 'call' | 'stream',
    to: string,
    topic: string,
    body: unknown,
    options: CallOptions | StreamOptions,
  ): { readonly live: LiveLink; start(id: number): void } {
    const orderKey = checkOrderKey(options.orderKey ?? '');
    const traceparent = traceOf(options);
    const live = this.#setup.linkTo(to);
    const { encoding, body: bytes } = encodeBody(body);
    const { calls } = this.#setup;
    const start = (id: number) => {
      const message = { kind, id, topic, encoding, body: bytes, traceparent } as const;
      const order = { orderKey, priority: options.priority === true };
      live.link.send(message, order, (outcome) => calls.settled(id, outcome));
    };
    return { live, start };
  }
}
