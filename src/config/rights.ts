/**
 * Who may write what. Masters and slaves write everything: they are the cluster. A client (a node
 * without a store, as a worker is) writes what belongs to itself, and what the tree grants it:
 *
 *     cluster/rights/<name>@<host>: [prefix, ...]
 *
 * Whoever is named there has these rights and no others beside its own data, also a slave; so a
 * node is held to them whatever it says it is. Masters alone are never bound. A grant never holds
 * for `cluster/rights` itself, whatever its prefix: nobody who is bound changes what binds him.
 *
 * The sequencer judges this together with the transaction, on the tree as it is then.
 */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { isFullName } from '../node/names.js';
import { isUnder, nodePrefix, prefixProblem } from './path.js';
import type { Operation } from './transaction.js';
import type { Tree } from './tree.js';
import { decodeValue } from './value.js';

/** Where grants are. */
export const RIGHTS_PREFIX = 'cluster/rights';

/** The node for whose program something is asked. */
export interface Writer {
  /** `name@host`, as its link was authenticated by the first node that it asked. */
  readonly name: string;
  /** It has no store. */
  readonly isClient: boolean;
}

/** Whether somebody is bound to rights, by a tree's newest revision. */
export function isBound(tree: Tree, { name, isClient }: Writer): boolean {
  return isClient || grantsOf(tree, name) !== null;
}

/**
 * Why operations must not be committed on top of a tree's newest revision; null when nothing is
 * wrong.
 * @param writer null: a master
 */
export function rightsRefusal(
  tree: Tree,
  operations: readonly Operation[],
  writer: Writer | null,
): ConfigError | null {
  return forbidden(tree, operations, writer) ?? malformed(operations);
}

/** Why a writer may not write this. */
function forbidden(
  tree: Tree,
  operations: readonly Operation[],
  writer: Writer | null,
): ConfigError | null {
  if (writer === null || !isBound(tree, writer)) return null;
  const prefixes = [nodePrefix(writer.name), ...(grantsOf(tree, writer.name) ?? [])];
  for (const operation of operations) {
    const key = operation.type === 'deletePrefix' ? operation.prefix : operation.key;
    const isGranted = prefixes.some((prefix) => isUnder(prefix, key));
    // A prefix that is deleted may lie above the rights as well.
    const isRights = isUnder(RIGHTS_PREFIX, key) || isUnder(key, RIGHTS_PREFIX);
    if (isGranted && !isRights) continue;
    return new ConfigError('ERR_FORBIDDEN', `${writer.name} may not write ${key}`, { key });
  }
  return null;
}

/** Why this is no list of rights. */
function malformed(operations: readonly Operation[]): ConfigError | null {
  for (const operation of operations) {
    if (operation.type !== 'put' || !isUnder(RIGHTS_PREFIX, operation.key)) continue;
    const { key, value } = operation;
    const problem = grantProblem(key, value);
    if (problem !== null) return new ConfigError('ERR_SCHEMA', `${key}: ${problem}`, { key });
  }
  return null;
}

/** The prefixes that a node is granted; null: it is not named. */
function grantsOf(tree: Tree, name: string): readonly string[] | null {
  const value = tree.get(`${RIGHTS_PREFIX}/${name}`)?.value ?? null;
  if (value === null) return null;
  const prefixes = decodeValue(value);
  return Array.isArray(prefixes) ? prefixes.filter((each) => prefixProblem(each) === null) : [];
}

/** What is wrong with a grant; null when nothing is. */
function grantProblem(key: string, value: Buffer): string | null {
  if (!isFullName(key.slice(RIGHTS_PREFIX.length + 1))) return 'rights are those of a name@host';
  const prefixes = decodeValue(value);
  if (!Array.isArray(prefixes) || prefixes.length > limits.configGrants) {
    return `rights are a list of at most ${limits.configGrants} prefixes`;
  }
  const problems = prefixes.map(prefixProblem);
  const at = problems.findIndex((problem) => problem !== null);
  return at === -1 ? null : `[${at}] is not a prefix: ${problems[at]}`;
}
