/** A node's figures for Prometheus. Nothing is counted here: all is read when it is asked for. */
import { Counter, Gauge, Registry } from 'prom-client';
import { NodeError } from '../errors.js';
import { checkOptions, optionNames } from '../node/check-options.js';
import type { PathView } from '../node/events.js';
import { ClusterNode } from '../node/node.js';
import type { AlarmWatch } from './alarm-watch.js';
import { EventCounter } from './event-counts.js';
import { type MetricDefinition, metricTable, type NodeSample } from './metric-table.js';
import type { ObservedConfig } from './observed-config.js';

/** What begins the name of every metric. */
export const METRIC_PREFIX = 'backplane_';

/** Where the metrics go. */
export interface MetricsOptions {
  /** The registry of the program's prom-client. Several nodes may share one. */
  readonly registry: Registry;
  /** The alarms of the node, for `backplane_alarms`. */
  readonly alarms?: AlarmWatch;
  /** The configuration of the node, for `backplane_config_...`. */
  readonly configuration?: ObservedConfig;
}

const OPTIONS = optionNames<MetricsOptions>({
  registry: true,
  alarms: true,
  configuration: true,
});

interface Source {
  readonly node: ClusterNode;
  readonly alarms: AlarmWatch | null;
  readonly configuration: ObservedConfig | null;
  readonly events: EventCounter;
}

/** States from the best to the worst. */
const STATES: readonly PathView['state'][] = [
  'active',
  'potentially-failed',
  'unconfirmed',
  'inactive',
];

/** A series has the labels peer and plane: of several paths on one plane the best stands for it. */
export function bestByPlane(paths: readonly PathView[]): PathView[] {
  const best = new Map<string, PathView>();
  const rank = ({ state, primary }: PathView) => 2 * STATES.indexOf(state) + (primary ? 0 : 1);
  for (const path of paths) {
    const known = best.get(path.plane);
    if (known === undefined || rank(path) < rank(known)) best.set(path.plane, path);
  }
  return [...best.values()];
}

function sampleOf({ node, alarms, configuration, events }: Source): NodeSample {
  const { nodes } = node;
  return {
    engine: node.engine,
    incarnation: node.incarnation,
    nodes,
    paths: nodes.flatMap(({ name: peer }) =>
      bestByPlane(node.paths(peer)).map((path) => ({ ...path, peer })),
    ),
    traffic: node.traffic,
    events: events.counts,
    alarms: alarms?.active ?? null,
    configuration: configuration && { ...configuration.figures, status: configuration.status },
  };
}

/** The metrics of one registry, and the nodes they speak of. */
class MetricSet {
  readonly sources = new Set<Source>();
  #samples: Map<Source, NodeSample> | null = null;

  register(registry: Registry): void {
    const added: string[] = [];
    try {
      for (const definition of metricTable) {
        this.#metric(definition, registry);
        added.push(METRIC_PREFIX + definition.name);
      }
    } catch (error) {
      for (const name of added) registry.removeSingleMetric(name);
      throw error;
    }
  }

  #metric(definition: MetricDefinition, registry: Registry): void {
    const samples = () => this.#look();
    const config = {
      name: METRIC_PREFIX + definition.name,
      help: definition.help,
      labelNames: ['node', ...definition.labels],
      registers: [registry],
    };
    if (definition.kind === 'gauge') {
      new Gauge({
        ...config,
        collect() {
          this.reset();
          for (const [node, sample] of samples()) {
            for (const [labels, value] of definition.read(sample))
              this.set({ node, ...labels }, value);
          }
        },
      });
      return;
    }
    new Counter({
      ...config,
      collect() {
        this.reset();
        for (const [node, sample] of samples()) {
          for (const [labels, value] of definition.read(sample))
            this.inc({ node, ...labels }, value);
        }
      },
    });
  }

  /** All metrics of one answer are read in one turn: one look at the kernel is enough for them. */
  #look(): (readonly [string, NodeSample])[] {
    if (this.#samples === null) {
      this.#samples = new Map([...this.sources].map((source) => [source, sampleOf(source)]));
      queueMicrotask(() => {
        this.#samples = null;
      });
    }
    return [...this.#samples].map(([{ node }, sample]) => [node.name, sample]);
  }
}

const sets = new WeakMap<Registry, MetricSet>();

/**
 * Adds a node's figures to a registry of prom-client: links, paths, traffic, outcomes, queues,
 * events, alarms and the configuration; docs/observability.md lists them. What happened before it
 * is called is not in the counts of events. Paths are read from the kernel once for each answer to
 * Prometheus.
 * @returns Takes them away.
 * @throws NodeError ERR_ARGUMENT; Error of prom-client: the registry has a metric of the same name
 *   that is not ours. Then the registry is as it was.
 */
export function observeMetrics(node: ClusterNode, options: MetricsOptions): () => void {
  if (!(node instanceof ClusterNode)) throw new NodeError('ERR_ARGUMENT', 'node must be a node');
  checkOptions(options, OPTIONS);
  const { registry, alarms = null, configuration = null } = options;
  if (typeof registry?.registerMetric !== 'function') {
    throw new NodeError('ERR_ARGUMENT', 'registry must be a registry of prom-client');
  }
  const known = sets.get(registry);
  const set = known ?? new MetricSet();
  if (known === undefined) {
    set.register(registry);
    sets.set(registry, set);
  }
  const source: Source = { node, alarms, configuration, events: new EventCounter() };
  set.sources.add(source);
  const forget = node.observe(source.events.observer);
  return () => {
    forget();
    set.sources.delete(source);
    if (set.sources.size > 0 || sets.get(registry) !== set) return;
    sets.delete(registry);
    for (const { name } of metricTable) registry.removeSingleMetric(METRIC_PREFIX + name);
  };
}

/** The figures of one node alone, as text for Prometheus; for those who have no registry. */
export function metricsText(
  node: ClusterNode,
  alarms?: AlarmWatch,
  configuration?: ObservedConfig,
): () => Promise<string> {
  const registry = new Registry();
  observeMetrics(node, {
    registry,
    ...(alarms === undefined ? {} : { alarms }),
    ...(configuration === undefined ? {} : { configuration }),
  });
  return () => registry.metrics();
}
