/**
 * Every alarm there is. A code is added here alone: its place in the table says how serious it is,
 * which events raise and clear it, and how long a condition must last. docs/runbook.md has a
 * section for each, and a test compares the two.
 */
import type { ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import type { PathView } from '../node/events.js';
import type { Observed, ObservedEvent } from '../node/observers.js';
import type { NodeTraffic } from '../node/traffic.js';
import type { ObservedStatus } from './observed-config.js';

/** How serious an alarm is, as ITU-T X.733, 8.1.2.3 has it, the worst first. */
export const severities = ['critical', 'major', 'minor', 'warning'] as const;

/** One of them. */
export type Severity = (typeof severities)[number];

/** The queue to one peer, as a sample of the node's traffic shows it. */
export interface QueueSample extends Pick<NodeTraffic, 'name' | 'queuedBytes'> {
  /** Messages that `send` refused since the last sample. */
  readonly newlyRejected: number;
}

/** What rules can look at beside the event itself. */
export interface RuleContext {
  /** The node's own full name. */
  readonly node: string;
  /** The paths to the peer that the event is about, as they are now. */
  readonly paths: readonly PathView[];
  /** Whether this alarm is raised, or about to be. */
  isActive(code: string, object: string): boolean;
  /** What a code is raised for, or about to be. */
  objectsOf(code: string): readonly string[];
}

/** What an event means for a code. */
export type Signal =
  | {
      readonly type: 'raise';
      readonly object: string;
      readonly plane: string | null;
      readonly text: string;
    }
  /** Without a plane: on all planes. */
  | { readonly type: 'clear'; readonly object: string; readonly plane?: string };

type Rule<E> = (event: E, context: RuleContext) => readonly Signal[];

/**
 * Rules by event; `sample` comes every limits.alarmSampleMs with all queues, `configuration` as
 * often with what is watched of one, or null when it is watched no more.
 */
export type Rules = { readonly [K in ObservedEvent]?: Rule<Observed<K>> } & {
  readonly sample?: Rule<readonly QueueSample[]>;
  readonly configuration?: Rule<ObservedStatus | null>;
};

/** One code. */
export interface AlarmDefinition {
  readonly severity: Severity;
  /** What it means, in a few words. */
  readonly summary: string;
  /** The condition must last so long before the alarm is raised. Default: not at all. */
  readonly holdMs?: number;
  /** It is cleared when it was not raised again for so long. Default: only by an event. */
  readonly quietMs?: number;
  readonly rules: Rules;
}

/** What an alarm is about that is about no single node. */
const CLUSTER = 'cluster';

const raise = (object: string, plane: string | null, text: string): Signal[] => [
  { type: 'raise', object, plane, text },
];

const clear = (object: string): Signal[] => [{ type: 'clear', object }];

/** What is true of a link is so no more when the link is over. */
const endsWithLink = { nodedown: ({ name }) => clear(name) } as const satisfies Rules;

/** What keeps a link from coming up is over when it is up, or not wanted. */
const endsWithNodeup = {
  nodeup: ({ name }) => clear(name),
  // Nobody waits for one that its source does not name any more.
  peers: ({ removed }) => removed.flatMap(clear),
} as const satisfies Rules;

/** Every path a plane has was never confirmed. */
function isUnconfirmed(plane: string, paths: readonly PathView[]): boolean {
  const own = paths.filter((path) => path.plane === plane);
  return own.length > 0 && own.every(({ state }) => state === 'unconfirmed');
}

/** Missing planes, by whether their paths were ever confirmed; and those that are there again. */
function missingPlanes(wantUnconfirmed: boolean, text: (plane: string) => string): Rules {
  return {
    redundancy: ({ name, state, planes, missing }, { paths }) => {
      if (state === 'restored') return clear(name);
      const mine = missing.filter((plane) => isUnconfirmed(plane, paths) === wantUnconfirmed);
      return [
        ...planes.map((plane) => ({ type: 'clear', object: name, plane }) as const),
        ...mine.flatMap((plane) => raise(name, plane, text(plane))),
      ];
    },
    path: ({ name, plane, state }) =>
      state === 'active' ? [{ type: 'clear', object: name, plane }] : [],
    ...endsWithLink,
  };
}

/** A path that is said to be gray, with the reasons and figures, or to be so no more. */
function grayPath({ name, plane, change, figures }: Observed<'path'>): Signal[] {
  if (change === 'clear' || change === 'removed') return [{ type: 'clear', object: name, plane }];
  if (change !== 'gray' || figures === undefined) return [];
  const { reasons, rttMs, lossShare } = figures;
  const loss = `${(100 * lossShare).toFixed(1)} % sent again`;
  return raise(name, plane, `${reasons.join(' and ')}: round trip ${rttMs} ms, ${loss}`);
}

/** The pairs that do not reach each other, of which at most three are named. */
function overlap({ state, pairs }: Observed<'partition'>): Signal[] {
  if (state === 'cleared') return clear(CLUSTER);
  const named = pairs.slice(0, 3).map(({ nodes, via }) => `${nodes.join(' and ')} (${via} both)`);
  const more = pairs.length > named.length ? `, and ${pairs.length - named.length} more pairs` : '';
  return raise(CLUSTER, null, `no link between ${named.join(', ')}${more}`);
}

/** Reasons not to link that time does not heal: the two nodes are set up differently. */
const MISMATCHES: readonly ErrorCode[] = [
  'ERR_LABEL_MISMATCH',
  'ERR_VERSION',
  'ERR_FEATURES',
  'ERR_SECURITY',
  'ERR_NAME_MISMATCH',
  'ERR_PEERS',
];

/** Reasons with a code of their own. */
const NAMED: readonly ErrorCode[] = [
  'ERR_PROFILE_MISMATCH',
  'ERR_KEY_MISMATCH',
  'ERR_NAME_TAKEN',
  ...MISMATCHES,
];

/** A failure to link for one of these reasons, at either end. */
function mismatch(codes: readonly ErrorCode[], what: string): Rules {
  return {
    dialFailed: ({ name, code, error }) =>
      codes.includes(code) ? raise(name, null, `${what}: ${error.message}`) : [],
    refused: ({ name, address, code, error }) =>
      codes.includes(code) ? raise(name ?? address, null, `${what}: ${error.message}`) : [],
    ...endsWithNodeup,
  };
}

/** What is wrong with the configuration, by the object it is about. */
type Findings = readonly (readonly [object: string, text: string])[];

/** Raised for what is found, cleared for what is found no more. */
function found(code: string, find: (status: ObservedStatus, node: string) => Findings): Rules {
  return {
    configuration: (status, { node, objectsOf }) => {
      const findings = status === null ? [] : find(status, node);
      const objects = findings.map(([object]) => object);
      return [
        ...objectsOf(code)
          .filter((object) => !objects.includes(object))
          .flatMap(clear),
        ...findings.flatMap(([object, text]) => raise(object, null, text)),
      ];
    },
  };
}

/** Peers with one of these codes. */
function troubled(code: string, codes: readonly ErrorCode[], text: string): Rules {
  return found(code, ({ troubles }) =>
    troubles
      .filter((trouble) => codes.includes(trouble.code as ErrorCode))
      .map(({ name }) => [name, text] as const),
  );
}

/** A store that takes nothing more: the own one, or that of a master. */
function failedStores({ storeFailure, troubles }: ObservedStatus, node: string): Findings {
  const own = storeFailure !== null && storeFailure !== 'ERR_STORE_FULL';
  const others = troubles.filter(({ code }) => code === 'ERR_STORE');
  return [
    ...(own ? [[node, `its store takes nothing more: ${storeFailure}`] as const] : []),
    ...others.map(({ name }) => [name, 'this master cannot store'] as const),
  ];
}

/** At a master: whether it is known here that writes are refused. */
function refusedWrites({ role, isWritable, missing }: ObservedStatus): Findings {
  const isRefused = role === 'sequencer' ? !isWritable : role === 'master' && missing.length > 0;
  if (!isRefused) return [];
  const names = missing.length === 0 ? 'a master is stalled or cannot store' : missing.join(', ');
  return [[CLUSTER, `writes are refused (ERR_REPLICAS); missing: ${names}`]];
}

const MINUTE_MS = 60_000;

/** All codes. */
export const alarmCodes = {
  'node-lost': {
    severity: 'critical',
    summary: 'a node is gone and did not say that it leaves',
    rules: {
      nodedown: ({ name, reason, error, byUs }) => {
        if (byUs || reason === 'left' || reason === 'restarted') return [];
        const why = error === null ? '' : `: ${error.message}`;
        return raise(name, null, `its link ended (${reason})${why}`);
      },
      ...endsWithNodeup,
    },
  },
  'partition-overlap': {
    severity: 'critical',
    summary: 'some nodes reach each other only in part: who reaches whom is not transitive',
    rules: { partition: (event) => overlap(event) },
  },
  'config-diverged': {
    severity: 'critical',
    summary: 'the logs of two masters of the configuration contradict each other',
    rules: troubled('config-diverged', ['ERR_DIVERGED'], 'its log and ours hold other entries'),
  },
  'config-lineage': {
    severity: 'critical',
    summary: 'a node has the configuration of another cluster, or one that was forced apart',
    rules: troubled('config-lineage', ['ERR_LINEAGE'], 'its configuration does not come from ours'),
  },
  'config-store-failed': {
    severity: 'critical',
    summary: 'the store of a configuration takes nothing more',
    rules: found('config-store-failed', failedStores),
  },
  'config-store-full': {
    severity: 'critical',
    summary: 'the disk of a configuration is full',
    rules: found('config-store-full', ({ storeFailure }, node) =>
      storeFailure === 'ERR_STORE_FULL' ? [[node, 'there is no room for its store']] : [],
    ),
  },
  'workers-given-up': {
    severity: 'major',
    summary: 'a group of workers has failed too often, and is not started again',
    // Raised by the controller of the host, which supervises them.
    rules: {},
  },
  'redundancy-lost': {
    severity: 'major',
    summary: 'a plane to a node has no active path: the next failure is an outage',
    rules: missingPlanes(false, (plane) => `no active path on plane ${plane}`),
  },
  'path-never-confirmed': {
    severity: 'major',
    summary: 'a path was never confirmed: it has not worked since the link is up',
    rules: missingPlanes(true, (plane) => `the path on plane ${plane} was never confirmed`),
  },
  'node-unreachable': {
    severity: 'major',
    summary: 'a node that was to be linked with has not been reached',
    holdMs: 10_000,
    quietMs: 5 * MINUTE_MS,
    rules: {
      dialFailed: ({ name, code, error }, { isActive }) =>
        NAMED.includes(code) || isActive('node-lost', name)
          ? []
          : raise(name, null, `it cannot be reached: ${code}: ${error.message}`),
      ...endsWithNodeup,
    },
  },
  'node-stalled': {
    severity: 'major',
    summary: "a node's process does not answer, though the network does",
    rules: {
      stalled: ({ name }) => raise(name, null, 'no answer for the stall time of the profile'),
      resumed: ({ name }) => clear(name),
      ...endsWithLink,
    },
  },
  'profile-mismatch': {
    severity: 'major',
    summary: 'the timers of two nodes do not go together',
    quietMs: MINUTE_MS,
    rules: mismatch(['ERR_PROFILE_MISMATCH'], 'the timers do not go together'),
  },
  'peer-mismatch': {
    severity: 'major',
    summary: 'two nodes are not set up for each other: label, version, name, security',
    quietMs: MINUTE_MS,
    rules: mismatch(MISMATCHES, 'it is not set up for us'),
  },
  'key-mismatch': {
    severity: 'major',
    summary: 'a node we dial does not hold our cluster key',
    quietMs: MINUTE_MS,
    rules: {
      dialFailed: ({ name, code }) =>
        code === 'ERR_KEY_MISMATCH' ? raise(name, null, 'it does not hold our key') : [],
      ...endsWithNodeup,
    },
  },
  'name-taken': {
    severity: 'major',
    summary: 'two living processes claim the name of one node',
    quietMs: MINUTE_MS,
    rules: {
      dialFailed: ({ name, code }, { node }) =>
        code === 'ERR_NAME_TAKEN'
          ? raise(node, null, `${name} has a link with another node of our name`)
          : [],
      refused: ({ name, address, code }) =>
        code === 'ERR_NAME_TAKEN' && name !== null
          ? raise(name, null, `another process at ${address} claims this name`)
          : [],
    },
  },
  'queue-full': {
    severity: 'major',
    summary: 'messages to a node are not taken any more: its queue is at the hard limit',
    quietMs: MINUTE_MS,
    rules: {
      sample: (queues) =>
        queues
          .filter(({ newlyRejected }) => newlyRejected > 0)
          .flatMap(({ name }) => raise(name, null, 'send fails with ERR_QUEUE_FULL')),
      ...endsWithLink,
    },
  },
  'config-degraded': {
    severity: 'major',
    summary: 'masters of the configuration are missing: nothing can be written',
    holdMs: 5000,
    rules: found('config-degraded', refusedWrites),
  },
  'config-down': {
    severity: 'major',
    summary: 'no master of the configuration is in touch',
    rules: found('config-down', ({ isDown, role }, node) => {
      if (!isDown) return [];
      const who = role === 'client' ? "the replica of this node's host" : 'no master';
      return [[node, `${who} is ${role === 'client' ? 'not ' : ''}in touch`]];
    }),
  },
  'path-gray': {
    severity: 'minor',
    summary: 'a path is up, but slow or lossy',
    // It is gray still while it fails and comes back: that is one way to be lossy.
    rules: { path: (event) => grayPath(event), ...endsWithLink },
  },
  'back-pressure': {
    severity: 'minor',
    summary: 'a queue has been above its high-water mark for long',
    holdMs: 10_000,
    rules: {
      sample: (queues) =>
        queues.flatMap(({ name, queuedBytes }) => {
          if (queuedBytes <= limits.outboxLowWaterBytes) return clear(name);
          const isHigh = queuedBytes > limits.outboxHighWaterBytes;
          return isHigh ? raise(name, null, `${queuedBytes} bytes wait to be sent`) : [];
        }),
      ...endsWithLink,
    },
  },
  'peer-source-failed': {
    severity: 'minor',
    summary: 'a source of peers failed: who came or went since is not known',
    quietMs: 5 * MINUTE_MS,
    rules: {
      peersFailed: ({ source, error }) => raise(source, null, error.message),
      peers: ({ source }) => clear(source),
    },
  },
  'handler-errors': {
    severity: 'minor',
    summary: 'a handler of this program throws',
    quietMs: MINUTE_MS,
    rules: {
      handlerError: ({ name, topic }) =>
        raise(topic, null, `the handler of this topic failed on a message from ${name}`),
    },
  },
  'config-set-aside': {
    severity: 'warning',
    summary: 'a store holds entries that a force has left behind',
    rules: found('config-set-aside', ({ setAside }, node) =>
      setAside > 0 ? [[node, `sets of entries: ${setAside}`]] : [],
    ),
  },
  'plane-deferred': {
    severity: 'warning',
    summary: 'a link could not follow when a plane was added or taken away',
    rules: {
      planeDeferred: ({ name, plane, change, error }) =>
        raise(name, plane, `${change} from its next association on: ${error.message}`),
      ...endsWithLink,
    },
  },
  'stranger-refused': {
    severity: 'warning',
    summary: 'somebody who does not hold our key, or speaks another protocol, wanted a link',
    quietMs: MINUTE_MS,
    // One for all of them: who is not authenticated must not fill the table.
    rules: {
      refused: ({ name, address, code }, { node }) =>
        name === null && code !== 'ERR_PROFILE_MISMATCH' && !MISMATCHES.includes(code)
          ? raise(node, null, `the last one came from ${address}: ${code}`)
          : [],
    },
  },
} as const satisfies Readonly<Record<string, AlarmDefinition>>;

/** The code of an alarm. */
export type AlarmCode = keyof typeof alarmCodes;

/** A table of codes; `alarmCodes` for all but tests. */
export type AlarmTable = Readonly<Record<string, AlarmDefinition>>;
