/**
 * The configuration as people keep it in git: one map of keys to values, sorted, as YAML or JSON.
 *
 *     cluster/node-defaults/log/level: info
 *     hosts/h1/nodes/web/workers/api:
 *       command: node
 *       args:
 *         - api.js
 *
 * Keys are whole paths, not maps in one another: the same words as everywhere else, one place to
 * look for with a search, and never a question whether `a: { b: 1 }` is the key `a/b` or the value
 * of `a`. What JSON cannot say is written as plain.ts tells.
 *
 * Reading does not care which of the two it reads, for YAML 1.2 contains JSON. Keys that come
 * twice, aliases and tags are refused.
 */
import {
  type Document,
  isAlias,
  isMap,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  stringify,
  visit,
} from 'yaml';
import { BackplaneError, ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { isUnder, keyProblem } from './path.js';
import { fromPlain, type Plain, toPlain } from './plain.js';
import type { CheckedTransaction, Condition, Operation } from './transaction.js';
import type { Item, Tree } from './tree.js';
import { decodeValue, encodeValue } from './value.js';

/** How a text is written. */
export type TextFormat = 'yaml' | 'json';

/** A key that has another value in a text than in the tree; undefined is none. */
export interface Difference {
  readonly key: string;
  readonly before: Item | undefined;
  readonly after: Buffer | undefined;
}

/** What applying a text would do, in the order of keys. */
export interface Diff {
  readonly added: readonly Difference[];
  readonly changed: readonly Difference[];
  readonly removed: readonly Difference[];
}

/** What a transaction's part takes beside its key and value, at most. */
const PART_BYTES = 64;

/** Writes items, which are in order, as a text. */
export function writeText(items: readonly Item[], format: TextFormat): string {
  const entries = items.map(({ key, value }) => [key, toPlain(decodeValue(value))] as const);
  const whole: Plain = Object.fromEntries(entries);
  if (format === 'json') return `${JSON.stringify(whole, null, 2)}\n`;
  // Old readers (YAML 1.1) take `no` for false: such texts are quoted. Lines are not folded, so
  // that a difference is one of values.
  return stringify(whole, { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

/**
 * Reads a text: keys and their encoded values.
 * @throws ConfigError ERR_CONFIG: the message names the line, or the key, and the reason.
 */
export function readText(text: string): Map<string, Buffer> {
  if (text.length > limits.configTextCharacters) {
    throw unreadable(`a text has at most ${limits.configTextCharacters} characters`);
  }
  const { value: whole } = readDocument(text);
  if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) {
    throw unreadable('it must be a map of keys to values; {} for none');
  }
  return new Map(Object.entries(whole).map(([key, plain]) => [key, readValue(key, plain)]));
}

/**
 * What would become of a tree that is to hold, below a prefix, what a text holds and nothing else.
 * @throws ConfigError ERR_CONFIG: the text has keys elsewhere; ERR_COMPACTED, ERR_BEHIND: not a
 *   revision that can be read.
 */
export function diff(
  tree: Tree,
  wanted: ReadonlyMap<string, Buffer>,
  prefix = '',
  revision: number = tree.revision,
): Diff {
  const outside = [...wanted.keys()].find((key) => !isUnder(prefix, key));
  if (outside !== undefined) throw unreadable(`${outside} is not below ${prefix}`);
  const current = new Map(tree.range(prefix, { revision }).map((item) => [item.key, item]));
  const keys = [...new Set([...current.keys(), ...wanted.keys()])].sort();
  const all = keys.map((key) => ({ key, before: current.get(key), after: wanted.get(key) }));
  return {
    added: all.filter(({ before }) => before === undefined),
    changed: all.filter(
      ({ before, after }) => before !== undefined && after?.equals(before.value) === false,
    ),
    removed: all.filter(({ after }) => after === undefined),
  };
}

/**
 * The transactions that make a difference: one, where it fits into one, else as few as it fits
 * into, and then it is not made at once. Each succeeds only while the keys it changes are what they
 * were.
 */
export function transactionsOf({ added, changed, removed }: Diff): CheckedTransaction[] {
  const transactions: { conditions: Condition[]; operations: Operation[] }[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const { key, before, after } of [...removed, ...changed, ...added]) {
    const cost = 2 * key.length + (after?.length ?? 0) + 2 * PART_BYTES;
    bytes += cost;
    const isFull = transactions.at(-1)?.operations.length === limits.configOperations;
    if (bytes > limits.configTransactionBytes - PART_BYTES || isFull) {
      transactions.push({ conditions: [], operations: [] });
      bytes = cost;
    }
    const { conditions, operations } = transactions.at(-1) as (typeof transactions)[number];
    conditions.push({ type: 'revision', key, revision: before?.modRevision ?? 0 });
    operations.push(
      after === undefined ? { type: 'delete', key } : { type: 'put', key, value: after },
    );
  }
  return transactions;
}

/** A difference, line by line, in the order of keys: `+` is added, `-` removed, `~` changed. */
export function describeDiff({ added, changed, removed }: Diff): string[] {
  const all = [...added, ...changed, ...removed].sort((a, b) => (a.key < b.key ? -1 : 1));
  return all.map(({ key, before, after }) => {
    if (before === undefined) return `+ ${key}: ${inLine(after)}`;
    if (after === undefined) return `- ${key}: ${inLine(before.value)}`;
    return `~ ${key}: ${inLine(before.value)} -> ${inLine(after)}`;
  });
}

function inLine(value: Buffer | undefined): string {
  return value === undefined ? '' : JSON.stringify(toPlain(decodeValue(value)));
}

function unreadable(what: string, cause?: unknown): ConfigError {
  return new ConfigError('ERR_CONFIG', what, { cause });
}

/** A text that is no configuration, read by the same rules. */
export interface ReadYaml {
  readonly value: unknown;
  /** The line at which something stands: the nearest thing around it that is there. */
  lineOf(path: readonly string[]): number;
}

/**
 * Reads YAML or JSON.
 * @throws ConfigError ERR_CONFIG: the message names the line and the reason.
 */
export function readYaml(text: string): ReadYaml {
  const { document, lines, value } = readDocument(text);
  const lineOf = (path: readonly string[]): number => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as Node | undefined;
      if (node?.range != null) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  return { value: fromPlain(value), lineOf };
}

function readDocument(text: string): {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  readonly value: unknown;
} {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      // Else 2^53 + 1 would be read as 2^53.
      intAsBigInt: true,
      stringKeys: true,
      // It would compare each with each, which takes minutes for 100,000; see checkNode.
      uniqueKeys: false,
      lineCounter: lines,
    });
    // A warning is a tag it does not know, or the like.
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw unreadable(problem.message.trim(), problem);
    visit(document, { Node: (_key, node) => checkNode(node, lines) });
    return { document, lines, value: document.toJS() };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    // What is nested 10,000 times overflows its stack.
    throw unreadable(`it cannot be read: ${(cause as Error).message}`, cause);
  }
}

function checkNode(node: Node, lines: LineCounter): void {
  const refused = (what: string, { range }: Node) =>
    unreadable(`${what} at line ${lines.linePos(range?.[0] ?? 0).line}`);
  if (isAlias(node)) throw refused('an alias (*) stands for a value written elsewhere,', node);
  if (node.tag !== undefined) throw refused(`the tag ${node.tag}`, node);
  if (!isMap(node)) return;
  const names = new Set<unknown>();
  for (const key of node.items.map((pair) => pair.key as Scalar)) {
    if (names.has(key.value)) throw refused(`the key ${key.value} comes twice,`, key);
    names.add(key.value);
  }
}

function readValue(key: string, plain: unknown): Buffer {
  const problem = keyProblem(key);
  if (problem !== null) throw unreadable(`${JSON.stringify(key)} is not a key: ${problem}`);
  try {
    return encodeValue(fromPlain(plain));
  } catch (cause) {
    if (!(cause instanceof BackplaneError)) throw cause;
    throw new ConfigError('ERR_CONFIG', `${key}: ${cause.message}`, { cause, key });
  }
}
