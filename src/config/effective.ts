/**
 * What holds for a host or a node: its own values, and the defaults it inherits.
 *
 * Nothing is inherited but what is written down as a default, and nothing from anywhere else:
 *
 * - A node inherits `hosts/<h>/node-defaults/<key>`, else `cluster/node-defaults/<key>`, where it
 *   has no `hosts/<h>/nodes/<n>/<key>` itself.
 * - A host inherits `cluster/host-defaults/<key>`, where it has no `hosts/<h>/<key>` itself.
 *
 * Values are inherited whole, never merged into one another: what holds is always a value that
 * stands somewhere, and the view says where. `get` and `range` inherit nothing.
 */
import { ConfigError } from '../errors.js';
import { checkPrefix, hostPrefix, isUnder, placeOf } from './path.js';
import type { Item, Tree } from './tree.js';

const NODE_DEFAULTS = 'node-defaults';
const CLUSTER_NODE_DEFAULTS = `cluster/${NODE_DEFAULTS}`;
const CLUSTER_HOST_DEFAULTS = 'cluster/host-defaults';
/** Below a host, but not its own: they are its nodes'. */
const NOT_A_HOSTS = ['nodes', NODE_DEFAULTS];

/** A value that holds for a host or node. */
export interface EffectiveValue {
  /** Below the host or the node. */
  readonly key: string;
  readonly value: Buffer;
  /** The key at which it stands. */
  readonly origin: string;
  /** Other keys that would be inherited, were it not there; the nearest first. */
  readonly hides: readonly string[];
}

/**
 * What holds for a host (`hosts/<h>`) or a node (`hosts/<h>/nodes/<n>`) at a revision, in the order
 * of keys.
 * @throws ConfigError ERR_ARGUMENT: the prefix is not that of a host or node; ERR_COMPACTED,
 *   ERR_BEHIND: not a revision that can be read.
 */
export function effective(
  tree: Tree,
  prefix: string,
  revision: number = tree.revision,
): EffectiveValue[] {
  const { sources, isHost } = sourcesOf(checkPrefix(prefix));
  const found = new Map<string, { item: Item; hides: string[] }>();
  for (const source of sources) {
    for (const item of tree.range(source, { revision })) {
      const key = item.key.slice(source.length + 1);
      if (key === '' || (isHost && NOT_A_HOSTS.some((one) => isUnder(one, key)))) continue;
      const nearer = found.get(key);
      if (nearer === undefined) found.set(key, { item, hides: [] });
      else nearer.hides.push(item.key);
    }
  }
  const keys = [...found.keys()].sort();
  return keys.map((key) => {
    const { item, hides } = found.get(key) as { item: Item; hides: string[] };
    return { key, value: item.value, origin: item.key, hides };
  });
}

/**
 * For the key of a default: the keys below hosts and nodes that inherit it, with `*` in place of
 * their names.
 */
export function inheritedAs(key: string): string[] {
  if (key.startsWith(`${CLUSTER_NODE_DEFAULTS}/`)) {
    return [`hosts/*/nodes/*/${key.slice(CLUSTER_NODE_DEFAULTS.length + 1)}`];
  }
  if (key.startsWith(`${CLUSTER_HOST_DEFAULTS}/`)) {
    return [`hosts/*/${key.slice(CLUSTER_HOST_DEFAULTS.length + 1)}`];
  }
  const place = placeOf(key);
  if (place.level !== 'host' || !place.key.startsWith(`${NODE_DEFAULTS}/`)) return [];
  return [`hosts/${place.host}/nodes/*/${place.key.slice(NODE_DEFAULTS.length + 1)}`];
}

/**
 * The prefixes that hold what is effective for a host or a node, the nearest first.
 * @throws ConfigError ERR_ARGUMENT: the prefix is not that of a host or node.
 */
export function inheritsFrom(prefix: string): readonly string[] {
  return sourcesOf(prefix).sources;
}

/** Where values come from, the nearest first. */
function sourcesOf(prefix: string): { readonly sources: string[]; readonly isHost: boolean } {
  const [root, host, nodes, node, ...more] = prefix.split('/');
  if (root === 'hosts' && host !== undefined && more.length === 0) {
    if (nodes === undefined) return { sources: [prefix, CLUSTER_HOST_DEFAULTS], isHost: true };
    if (nodes === 'nodes' && node !== undefined) {
      const ofHost = `${hostPrefix(host)}/${NODE_DEFAULTS}`;
      return { sources: [prefix, ofHost, CLUSTER_NODE_DEFAULTS], isHost: false };
    }
  }
  throw new ConfigError(
    'ERR_ARGUMENT',
    `${JSON.stringify(prefix)} is not hosts/<host> or hosts/<host>/nodes/<node>`,
  );
}
