/** One look at a node, for probes of those who run it. */
import { NodeError } from '../errors.js';
import { checkOptions, optionNames } from '../node/check-options.js';
import type { ClusterNode } from '../node/node.js';
import { type Severity, severities } from './alarm-codes.js';
import type { AlarmWatch } from './alarm-watch.js';
import type { ObservedConfig } from './observed-config.js';

/** What a node needs to be called ready. */
export interface HealthOptions {
  /** Its alarms, to be counted. */
  readonly alarms?: AlarmWatch;
  /** Links it needs to be ready. Default 0: nodes of a cluster must not wait for each other. */
  readonly minLinks?: number;
  /** Its configuration, where it has one, to be told of. */
  readonly configuration?: ObservedConfig;
}

const OPTIONS = optionNames<HealthOptions>({
  alarms: true,
  minLinks: true,
  configuration: true,
});

/** How a node is. */
export interface Health {
  /** Not closed. That it is told at all shows that the event loop turns. */
  readonly live: boolean;
  /** It listens, is not about to close, and has the links it needs. */
  readonly ready: boolean;
  readonly state: ClusterNode['state'];
  readonly name: string;
  readonly incarnation: string;
  readonly links: number;
  /** Nodes whose process does not answer. */
  readonly stalled: readonly string[];
  /** Nodes to which a plane is missing. */
  readonly notRedundant: readonly string[];
  /** Active alarms by severity. */
  readonly alarms: Readonly<Record<Severity, number>>;
  /** Null where none is looked at. It makes the node neither ready nor unready. */
  readonly configuration: ConfigHealth | null;
}

/** How the configuration is at a node. */
export interface ConfigHealth {
  readonly role: string;
  /** What may be read here; null: nothing yet. */
  readonly revision: number | null;
  /** At the sequencer: whether writes are taken. Null elsewhere, where it is not known. */
  readonly isWritable: boolean | null;
  /** No master is in touch. */
  readonly isDown: boolean;
  /** Masters that are not in touch. */
  readonly missing: readonly string[];
  /** Why its store takes nothing more. */
  readonly storeFailure: string | null;
}

/**
 * How a node is now. Reads the kernel for no path; cheap enough for every probe.
 * @throws NodeError ERR_ARGUMENT
 */
export function nodeHealth(node: ClusterNode, options: HealthOptions = {}): Health {
  checkOptions(options, OPTIONS);
  const { alarms, minLinks = 0, configuration } = options;
  if (typeof minLinks !== 'number') {
    throw new NodeError('ERR_ARGUMENT', 'minLinks must be a number');
  }
  const { nodes, state, name, incarnation } = node;
  const active = alarms?.active ?? [];
  const counts = severities.map((severity) => [
    severity,
    active.filter((alarm) => alarm.severity === severity).length,
  ]);
  return {
    live: state !== 'closed',
    ready: state === 'listening' && nodes.length >= minLinks,
    state,
    name,
    incarnation,
    links: nodes.length,
    stalled: nodes.filter((view) => view.stalled).map((view) => view.name),
    notRedundant: nodes.filter((view) => !view.redundant).map((view) => view.name),
    alarms: Object.fromEntries(counts),
    configuration: configuration === undefined ? null : configHealth(configuration),
  };
}

function configHealth({ status }: ObservedConfig): ConfigHealth {
  const { role, readable, isWritable, isDown, missing, storeFailure } = status;
  return {
    role,
    revision: readable?.revision ?? null,
    isWritable: role === 'sequencer' ? isWritable : null,
    isDown,
    missing,
    storeFailure,
  };
}
