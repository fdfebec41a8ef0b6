/** What a program sends: checked, encoded, and given to the link that is up. */
import { limits } from '../limits.js';
import { encodeBody } from '../wire/payload.js';
import type { PendingCalls } from './calls.js';
import type { LiveLink } from './live-link.js';
import { checkOrderKey, checkTopic } from './names.js';
import { checkDeadlineMs } from './options.js';
import { type CallOptions, checkTellOptions, type TellOptions } from './send-options.js';
import { Guard } from './teller.js';

export class Outgoing {
  readonly #calls: PendingCalls;
  readonly #linkTo: (name: string) => LiveLink;
  readonly #guard = new Guard();

  /** @param linkTo throws NodeError ERR_NO_LINK, ERR_CLOSED. */
  constructor(calls: PendingCalls, linkTo: (name: string) => LiveLink) {
    this.#calls = calls;
    this.#linkTo = linkTo;
  }

  /** As `ClusterNode.send`. */
  send(to: string, topic: string, body: unknown, options: TellOptions): boolean {
    checkTopic(topic);
    const checked = checkTellOptions(options);
    const { link } = this.#linkTo(to);
    const { encoding, body: bytes } = encodeBody(body);
    const message = { kind: 'send', id: 0, topic, encoding, body: bytes } as const;
    const { onOutcome } = options;
    return link.send(message, checked, onOutcome && this.#guard.of(onOutcome));
  }

  /** As `ClusterNode.call`. */
  async call(to: string, topic: string, body: unknown, options: CallOptions): Promise<unknown> {
    checkTopic(topic);
    const orderKey = checkOrderKey(options.orderKey ?? '');
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? limits.callDeadlineMs);
    const { link, name } = this.#linkTo(to);
    const encoded = encodeBody(body);
    return this.#calls.make(name, topic, deadlineMs, (id) => {
      const message = { kind: 'call', id, topic, ...encoded } as const;
      link.send(message, { orderKey, priority: options.priority === true }, (outcome) =>
        this.#calls.settled(id, outcome),
      );
    });
  }
}
