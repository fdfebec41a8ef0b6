/** A node's events as lines of a log: one line per change of state, with node, peer and plane. */
import { limits } from '../limits.js';
import type { Clock } from '../runtime/index.js';
import type { DialFailed, DownReason, HandlerFailed, PathChanged } from './events.js';
import type { Logger, LogLevel } from './logger.js';
import type { Observed, ObservedEvent, Observer } from './observers.js';
import { Reports } from './reports.js';

interface Line {
  readonly level: LogLevel;
  readonly message: string;
  /** Beside those of the event, or in their place. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** What is said of an event; null: nothing. */
type Say<K extends ObservedEvent> = (event: Observed<K>) => Line | null;

const DOWN: Readonly<Record<DownReason, readonly [LogLevel, string]>> = {
  left: ['info', 'has left'],
  closed: ['warn', 'has ended without a word'],
  lost: ['error', 'is lost'],
  restarted: ['warn', 'has restarted'],
  refused: ['error', 'is refused'],
};

/** Changes of a path for the worse. */
const BAD_CHANGES: readonly string[] = ['unreachable', 'potentially-failed', 'gray'];

const line = (level: LogLevel, message: string): Line => ({ level, message });

function pathLine({ name, plane, change, state }: PathChanged): Line {
  const isBad = BAD_CHANGES.includes(change);
  return line(isBad ? 'warn' : 'info', `path to ${name} on plane ${plane}: ${change}, ${state}`);
}

/**
 * What has no place here is told as it is: whoever adds an event need not come here.
 */
class EventLines {
  readonly #clock: Clock;
  /** What kept a peer from being reached when it was told last. */
  readonly #unreached = new Map<string, string>();
  readonly #failures = new Reports(limits);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly say: { readonly [K in ObservedEvent]?: Say<K> } = {
    listening: ({ port }) => line('info', `listens at port ${port}`),
    closed: () => line('info', 'is closed'),
    disconnected: ({ name }) => {
      this.#unreached.delete(name);
      return line('info', `${name} is not dialled any more`);
    },
    nodeup: ({ name }) => {
      this.#unreached.delete(name);
      return line('info', `${name} is up`);
    },
    nodedown: ({ name, reason, byUs }) => {
      if (byUs) return line('info', `${name} was left`);
      const [level, words] = DOWN[reason];
      return line(level, `${name} ${words}`);
    },
    path: pathLine,
    redundancy: ({ name, state, missing }) =>
      state === 'lost'
        ? line('warn', `redundancy to ${name} is lost: no path on ${missing.join(', ')}`)
        : line('info', `redundancy to ${name} is restored`),
    stalled: ({ name }) => line('warn', `${name} does not answer, though a path is active`),
    resumed: ({ name }) => line('info', `${name} answers again`),
    partition: ({ state, pairs, nodes }) => ({
      ...line(state === 'cleared' ? 'info' : 'error', `partition ${state}: ${pairs.length} pairs`),
      // The matrix of many nodes is no line of a log.
      fields: { nodes: nodes.length, matrix: undefined },
    }),
    peers: ({ source, added, removed }) =>
      line('info', `${source} names ${added.length} peers more, and ${removed.length} no more`),
    groupJoin: ({ name, group }) => line('debug', `${name} is in group ${group}`),
    groupLeave: ({ name, group }) => line('debug', `${name} is in group ${group} no more`),
    // The program's own affair.
    drain: () => null,
    dialFailed: (event) => this.#dialFailed(event),
    refused: ({ address, name, code }) =>
      line('warn', `${name ?? 'a stranger'} at ${address} was refused: ${code}`),
    handlerError: (event) => this.#handlerFailed(event),
  };

  /** The first in a row, and one that fails for another reason; all others at level debug. */
  #dialFailed({ name, code }: DialFailed): Line {
    const isNew = this.#unreached.get(name) !== code;
    if (isNew && (this.#unreached.has(name) || this.#unreached.size < limits.peers)) {
      this.#unreached.set(name, code);
    }
    return line(isNew ? 'warn' : 'debug', `${name} cannot be reached: ${code}`);
  }

  /** Any peer can make a handler fail as often as it likes. */
  #handlerFailed({ name, topic }: HandlerFailed): Line | null {
    const suppressed = this.#failures.admit(this.#clock.nowMs(), topic);
    if (suppressed === null) return null;
    const message = `the handler of ${topic} failed on a message from ${name}`;
    return { level: 'error', message, fields: { suppressed } };
  }
}

/** An event nobody has found words for; one with an error is a warning. */
function plainLine(event: string, payload: object): Line {
  const { name, error } = payload as { readonly name?: unknown; readonly error?: unknown };
  const message = typeof name === 'string' ? `${event} ${name}` : event;
  return line(error === undefined || error === null ? 'info' : 'warn', message);
}

/** The event's own fields; the peer's name and the error as logs name them. */
function fieldsOf(payload: object): Record<string, unknown> {
  const { name, error, ...fields } = payload as Readonly<Record<string, unknown>>;
  return {
    ...(name === undefined || name === null ? {} : { peer: name }),
    ...fields,
    ...(error === undefined || error === null ? {} : { err: error }),
  };
}

/**
 * Writes the events of a node into a log.
 * @param node the node's own full name, for the field `node`
 * @param clock bounds how often others can make it speak: of the failures of one topic's handler,
 *   one line in limits.reportEveryMs. Strangers are bounded by `refused` itself.
 * @param failed is told the first time the logger throws or rejects; never again.
 */
export function eventLog(
  node: string,
  logger: Logger,
  clock: Clock,
  failed: (error: unknown) => void,
): Observer {
  const lines = new EventLines(clock);
  let hasFailed = false;
  const fail = (error: unknown) => {
    if (!hasFailed) failed(error);
    hasFailed = true;
  };
  return (event, payload) => {
    const say = lines.say[event] as Say<typeof event> | undefined;
    const said = say === undefined ? plainLine(event, payload) : say(payload);
    if (said === null) return;
    const { level, message, fields } = said;
    try {
      const written: unknown = logger[level](
        { event, node, ...fieldsOf(payload), ...fields },
        message,
      );
      // One that is async must not end the process with what it rejects.
      if (written instanceof Promise) written.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}
