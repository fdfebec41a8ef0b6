/** Events of a node, for people and for programs. */
import type { ClusterNode, NodeEvents } from '../index.js';
import { fieldText } from '../observe/log.js';

/** What is told of one event, its name left out. */
export type EventFields = Readonly<Record<string, unknown>>;

/** All events but `drain`, which is of use to a sender alone. */
const names = [
  'nodeup',
  'nodedown',
  'path',
  'redundancy',
  'planeDeferred',
  'stalled',
  'resumed',
  'dialFailed',
  'peers',
  'peersFailed',
  'partition',
  'refused',
  'handlerError',
] as const satisfies readonly (keyof NodeEvents)[];

/** The same with errors as plain data: code and message. */
function plain(event: object): EventFields {
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) => {
      if (!(value instanceof Error)) return [name, value];
      const { code } = value as { code?: unknown };
      return [name, { code, message: value.message }];
    }),
  );
}

/** Calls `told` for every event of a node. */
export function onEachEvent(
  node: ClusterNode,
  told: (event: string, fields: EventFields) => void,
): void {
  for (const name of names) {
    node.on(name, (event: object) => told(name, plain(event)));
  }
}

/** One line for people: `nodeup one@host1 incarnation=... dialledBy=us`. */
export function eventText(event: string, { name, ...fields }: EventFields): string {
  const isError = fields['error'] !== undefined && fields['error'] !== null;
  const told = Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    // The error's own text begins with it.
    .filter(([key]) => key !== 'code' || !isError)
    .map(([key, value]) => `${key}=${fieldText(value)}`);
  return [event, ...(typeof name === 'string' ? [name] : []), ...told].join(' ');
}
