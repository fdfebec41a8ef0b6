/**
 * Every metric there is: its name, its labels, and how it is read off a node. docs/observability.md
 * lists them, and a test compares the two. Labels are bounded: `peer` by limits.peers and
 * limits.departedPeers, `plane` by the planes of the node, all others by lists in the code.
 */
import type { NodeView, PathView } from '../node/events.js';
import type { NodeTraffic } from '../node/traffic.js';
import { alarmCodes } from './alarm-codes.js';
import type { Alarm } from './alarms.js';
import type { EventCounts } from './event-counts.js';
import type { ObservedFigures, ObservedStatus } from './observed-config.js';

/** All that is read off one node for one answer to Prometheus. */
export interface NodeSample {
  readonly engine: string;
  readonly incarnation: string;
  readonly nodes: readonly NodeView[];
  /** Of each peer, one path per plane. */
  readonly paths: readonly (PathView & { readonly peer: string })[];
  readonly traffic: readonly NodeTraffic[];
  readonly events: EventCounts;
  /** Null where no alarms are watched. */
  readonly alarms: readonly Alarm[] | null;
  /** Null where none is observed. */
  readonly configuration: ConfigSample | null;
}

/** What is read of its configuration. */
export interface ConfigSample extends ObservedFigures {
  readonly status: ObservedStatus;
}

type Labels = Readonly<Record<string, string>>;

/** A value with its labels, those of the node left out. */
export type Sample = readonly [labels: Labels, value: number];

/** One metric. Its name in Prometheus begins with `backplane_`. */
export interface MetricDefinition {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  /** Beside `node`, the full name of the node that is observed. */
  readonly labels: readonly string[];
  read(sample: NodeSample): readonly Sample[];
}

const PATH_STATES = ['active', 'inactive', 'potentially-failed', 'unconfirmed'] as const;

const OUTCOMES = ['delivered', 'refused', 'unsent', 'expired', 'unknown'] as const;

const flag = (value: boolean): number => (value ? 1 : 0);

const gauge = (
  name: string,
  help: string,
  labels: readonly string[],
  read: MetricDefinition['read'],
): MetricDefinition => ({ kind: 'gauge', name, help, labels, read });

const counter = (
  name: string,
  help: string,
  labels: readonly string[],
  read: MetricDefinition['read'],
): MetricDefinition => ({ kind: 'counter', name, help, labels, read });

/** A figure of each link that is up. */
const ofLinks = (name: string, help: string, value: (view: NodeView) => number) =>
  gauge(name, help, ['peer'], ({ nodes }) =>
    nodes.map((view) => [{ peer: view.name }, value(view)]),
  );

/** A figure of each path. */
const ofPaths = (name: string, help: string, value: (path: PathView) => number) =>
  gauge(name, help, ['peer', 'plane'], ({ paths }) =>
    paths.map((path) => [{ peer: path.peer, plane: path.plane }, value(path)]),
  );

/** A count of the traffic with each peer, over all links there were. */
const ofTraffic = (name: string, help: string, value: (traffic: NodeTraffic) => number) =>
  counter(name, help, ['peer'], ({ traffic }) =>
    traffic.map((each) => [{ peer: each.name }, value(each)]),
  );

/** What waits on each link that is up. */
const ofQueues = (name: string, help: string, value: (traffic: NodeTraffic) => number) =>
  gauge(name, help, ['peer'], ({ traffic }) =>
    traffic.filter(({ linked }) => linked).map((each) => [{ peer: each.name }, value(each)]),
  );

/** How often something happened since the node is observed, by a word that goes with it. */
const ofEvents = (name: string, help: string, label: string, event: keyof EventCounts) =>
  counter(name, help, [label], ({ events }) =>
    [...events[event]].map(([word, count]) => [{ [label]: word }, count]),
  );

/** The same where there is no such word. */
const plainEvents = (name: string, help: string, event: keyof EventCounts) =>
  counter(name, help, [], ({ events }) => [
    [{}, [...events[event].values()].reduce((sum, count) => sum + count, 0)],
  ]);

/** A figure of the configuration; null: it has none now. */
const ofConfig = (
  kind: MetricDefinition['kind'],
  name: string,
  help: string,
  value: (sample: ConfigSample) => number | null,
): MetricDefinition => ({
  ...{ kind, name: `config_${name}`, help, labels: [] },
  read: ({ configuration }) => {
    const found = configuration === null ? null : value(configuration);
    return found === null ? [] : [[{}, found]];
  },
});

/** The configuration's metrics. */
const configTable: readonly MetricDefinition[] = [
  ofConfig('gauge', 'revision', 'What may be read here.', ({ status }) => {
    return status.readable?.revision ?? null;
  }),
  ofConfig('gauge', 'epoch', 'The newest that is known here.', ({ status }) => {
    return status.record?.epoch ?? null;
  }),
  ofConfig('gauge', 'uncommitted_entries', 'In the log, and not known to be committed.', (it) => {
    return it.status.last.revision - it.status.committed;
  }),
  ofConfig('gauge', 'writable', '1 while the sequencer takes writes.', ({ status }) => {
    return status.role === 'sequencer' ? flag(status.isWritable) : null;
  }),
  ofConfig('gauge', 'down', '1 while no master is in touch.', ({ status }) => flag(status.isDown)),
  ofConfig('gauge', 'missing_masters', 'Masters that are not in touch.', ({ status }) => {
    return status.missing.length;
  }),
  ofConfig('gauge', 'slaves', 'Slaves that are in touch.', ({ status }) => status.slaves.length),
  ofConfig('gauge', 'clients', 'Clients that are in touch.', ({ status }) => {
    return status.clients.length;
  }),
  ofConfig('gauge', 'watches', 'Watches that are open.', ({ watches }) => watches),
  ofConfig('counter', 'flushes_total', 'Batches flushed to the disk.', ({ flushes }) => flushes),
  ofConfig('counter', 'flush_seconds_total', 'How long that took.', ({ flushMs }) => {
    return flushMs / 1000;
  }),
];

/** All metrics. */
export const metricTable: readonly MetricDefinition[] = [
  gauge('node_info', 'Always 1.', ['incarnation', 'engine'], ({ incarnation, engine }) => [
    [{ incarnation, engine }, 1],
  ]),
  gauge('links', 'Links that are up.', [], ({ nodes }) => [[{}, nodes.length]]),
  ofLinks('link_stalled', '1 while the process of the peer does not answer.', (view) =>
    flag(view.stalled),
  ),
  ofLinks('link_redundant', '1 while every plane has an active path.', (view) =>
    flag(view.redundant),
  ),
  gauge(
    'path_state',
    '1 for the state a path is in, 0 for all others.',
    ['peer', 'plane', 'state'],
    ({ paths }) =>
      paths.flatMap(({ peer, plane, state: current }) =>
        PATH_STATES.map((state) => [{ peer, plane, state }, flag(state === current)] as const),
      ),
  ),
  ofPaths('path_gray', '1 while the path is up, but slow or lossy.', (path) =>
    flag(path.gray.length > 0),
  ),
  ofPaths('path_primary', '1 for the path that carries the traffic.', (path) => flag(path.primary)),
  ofPaths(
    'path_rtt_seconds',
    'Smoothed round-trip time, in ticks of the kernel.',
    (path) => path.rttMs / 1000,
  ),
  ofPaths('path_rto_seconds', 'Retransmission timeout.', (path) => path.rtoMs / 1000),
  ofPaths('path_cwnd_bytes', 'Congestion window.', (path) => path.cwndBytes),
  ofTraffic('sent_messages_total', 'Messages that send took.', (each) => each.sentMessages),
  ofTraffic('sent_bytes_total', 'Bytes of their records.', (each) => each.sentBytes),
  ofTraffic('received_messages_total', 'Messages that came.', (each) => each.receivedMessages),
  ofTraffic('received_bytes_total', 'Bytes of their records.', (each) => each.receivedBytes),
  ofTraffic(
    'rejected_messages_total',
    'Messages that send did not take: ERR_QUEUE_FULL.',
    (each) => each.rejected,
  ),
  counter(
    'outcomes_total',
    'Messages that have their outcome.',
    ['peer', 'outcome'],
    ({ traffic }) =>
      traffic.flatMap((each) =>
        OUTCOMES.map((outcome) => [{ peer: each.name, outcome }, each[outcome]] as const),
      ),
  ),
  ofQueues('queue_bytes', 'Bytes that wait to be sent.', (each) => each.queuedBytes),
  ofQueues('open_messages', 'Messages without an outcome.', (each) => each.openMessages),
  plainEvents('nodeup_total', 'Links that came up.', 'nodeup'),
  ofEvents('nodedown_total', 'Links that ended.', 'reason', 'nodedown'),
  plainEvents('stalls_total', 'How often a peer was found stalled.', 'stalled'),
  ofEvents('redundancy_lost_total', 'How often a plane to a peer was lost.', 'plane', 'redundancy'),
  ofEvents('dial_failures_total', 'Attempts to reach a peer that failed.', 'code', 'dialFailed'),
  ofEvents('refused_total', 'Strangers and peers that were refused.', 'code', 'refused'),
  plainEvents('handler_errors_total', 'Handlers that failed on a message.', 'handlerError'),
  gauge('alarms', 'Active alarms.', ['code', 'severity'], ({ alarms }) =>
    alarms === null
      ? []
      : Object.entries(alarmCodes).map(([code, { severity }]) => [
          { code, severity },
          alarms.filter((alarm) => alarm.code === code).length,
        ]),
  ),
  ...configTable,
];
