/** Who reaches whom, as far as one node is told: rows of names, and what follows from them. */

/** What one node says of itself. */
export interface ReachRow {
  readonly reached: ReadonlySet<string>;
  readonly missed: ReadonlySet<string>;
}

/** Two nodes that have no link though a third one reaches both. */
export interface UnreachedPair {
  /** In alphabetical order. */
  readonly nodes: readonly [string, string];
  /** A node that has links with both. */
  readonly via: string;
}

/** One key for both directions; no name holds a space. */
export const pairKey = ([one, two]: readonly [string, string]): string => `${one} ${two}`;

/**
 * The pairs of which one misses the other, and reaches a node that reaches the other. A node that
 * nobody else reaches is down, or alone: no pair. Nodes that never wanted a link are none either.
 *
 * @param most no more than this number; which ones, is the same each time for the same rows
 */
export function unreachedPairs(
  rows: ReadonlyMap<string, ReachRow>,
  most: number,
): Map<string, UnreachedPair> {
  // Who reaches the missed ones: asked for each pair, so it is gathered once.
  const holders = new Map<string, string[]>();
  for (const { missed } of rows.values()) for (const name of missed) holders.set(name, []);
  for (const [holder, { reached }] of rows) {
    for (const [name, list] of holders) if (reached.has(name)) list.push(holder);
  }
  const pairs = new Map<string, UnreachedPair>();
  for (const [name, { reached, missed }] of rows) {
    for (const other of missed) {
      const via = holders.get(other)?.find((holder) => reached.has(holder) && holder !== name);
      if (via === undefined || other === name) continue;
      const nodes = name < other ? ([name, other] as const) : ([other, name] as const);
      if (pairs.size >= most) return pairs;
      if (!pairs.has(pairKey(nodes))) pairs.set(pairKey(nodes), { nodes, via });
    }
  }
  return pairs;
}

/**
 * The rows as a picture: one text per node, one character per node in the same order. `+` reaches,
 * `-` misses, `.` neither, `=` itself, `?` all along the row of a node whose word we do not have.
 */
export function drawMatrix(
  nodes: readonly string[],
  rows: ReadonlyMap<string, ReachRow>,
): string[] {
  return nodes.map((from) => {
    const row = rows.get(from);
    const characters = nodes.map((to) => {
      if (from === to) return '=';
      if (row === undefined) return '?';
      if (row.reached.has(to)) return '+';
      return row.missed.has(to) ? '-' : '.';
    });
    return characters.join('');
  });
}
