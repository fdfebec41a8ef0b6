/**
 * Keys of the configuration. They look like paths, and there are three places for them:
 *
 * - `cluster/<key>`: what the cluster has in common;
 * - `hosts/<host>/<key>`: what belongs to one host;
 * - `hosts/<host>/nodes/<node>/<key>`: what belongs to one node, which is `<node>@<host>`.
 *
 * A `<key>` has one segment or more. Segments are ASCII, as names of nodes are, so that the order
 * of texts in JavaScript, of bytes in a store and of lines in a sorted file is the same one.
 *
 * A prefix is a path, too: it holds the key of that name and all keys below. `cluster/a` holds
 * `cluster/a` and `cluster/a/b`, and does not hold `cluster/ab`. The empty prefix holds all keys.
 */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';

const PATH = /^[A-Za-z0-9._:@-]+(?:\/[A-Za-z0-9._:@-]+)*$/;
/** Tools that write keys as files would leave their folder. */
const DOTS = /(?:^|\/)\.{1,2}(?:\/|$)/;
const HOST = /^[A-Za-z0-9._:-]+$/;
const NODE = /^[A-Za-z0-9._-]+$/;

/** Where a key belongs to. */
export type Place =
  | { readonly level: 'cluster'; readonly key: string }
  | { readonly level: 'host'; readonly host: string; readonly key: string }
  | { readonly level: 'node'; readonly host: string; readonly node: string; readonly key: string };

/** Why this is not a path; null when it is one. */
function pathProblem(text: unknown): string | null {
  if (typeof text !== 'string') return 'it is not a string';
  if (text.length > limits.configKeyBytes) return `it has more than ${limits.configKeyBytes} bytes`;
  if (!PATH.test(text)) return 'segments are of letters, digits and ._:@-, with / between them';
  return DOTS.test(text) ? 'no segment is . or ..' : null;
}

/** Why this is not the key of a value; null when it is one. */
export function keyProblem(text: unknown): string | null {
  const problem = pathProblem(text);
  if (problem !== null) return problem;
  const [root, host = '', nodes, node = '', ...data] = (text as string).split('/');
  if (root === 'cluster') return host === '' ? 'a key is below cluster/' : null;
  if (root !== 'hosts') return 'it begins with neither cluster/ nor hosts/';
  if (!HOST.test(host)) return 'a key of a host is hosts/<host>/<key>';
  if (nodes === undefined) return 'a key of a host is below hosts/<host>/';
  if (nodes !== 'nodes') return null;
  if (NODE.test(node) && data.length > 0) return null;
  return 'a key of a node is hosts/<host>/nodes/<node>/<key>';
}

/** Why this is not a prefix; null when it is one. */
export function prefixProblem(text: unknown): string | null {
  return text === '' ? null : pathProblem(text);
}

/**
 * A key that a value can have.
 * @throws ConfigError ERR_ARGUMENT: it is none; the message says why.
 */
export function checkKey(text: unknown): string {
  const problem = keyProblem(text);
  if (problem === null) return text as string;
  throw new ConfigError('ERR_ARGUMENT', `${JSON.stringify(text)} is not a key: ${problem}`);
}

/**
 * A prefix; the empty one is all.
 * @throws ConfigError ERR_ARGUMENT: it is none; the message says why.
 */
export function checkPrefix(text: unknown): string {
  const problem = prefixProblem(text);
  if (problem === null) return text as string;
  throw new ConfigError('ERR_ARGUMENT', `${JSON.stringify(text)} is not a prefix: ${problem}`);
}

/** Whether a prefix holds a key. */
export function isUnder(prefix: string, key: string): boolean {
  if (prefix === '') return true;
  if (!key.startsWith(prefix)) return false;
  return key.length === prefix.length || key[prefix.length] === '/';
}

/** All prefixes that hold a key: the key itself, what lies above, and the empty one last. */
export function prefixesOf(key: string): string[] {
  const prefixes: string[] = [];
  for (let end = key.length; end > 0; end = key.lastIndexOf('/', end - 1)) {
    prefixes.push(key.slice(0, end));
  }
  prefixes.push('');
  return prefixes;
}

/** Where the keys below a prefix begin and end: `from <= key < to`, without that of its name. */
export function boundsBelow(prefix: string): { readonly from: string; readonly to: string } {
  // '0' is what follows '/' in ASCII; no key is as great as '~'.
  return prefix === '' ? { from: '', to: '~' } : { from: `${prefix}/`, to: `${prefix}0` };
}

/** Where a key belongs to. What is given must be a key. */
export function placeOf(key: string): Place {
  const [root, host = '', nodes, node = '', ...data] = key.split('/');
  if (root === 'cluster') return { level: 'cluster', key: key.slice('cluster/'.length) };
  if (nodes === 'nodes') return { level: 'node', host, node, key: data.join('/') };
  return { level: 'host', host, key: key.slice(`hosts/${host}/`.length) };
}

/** The prefix of a host's keys. */
export function hostPrefix(host: string): string {
  return `hosts/${host}`;
}

/** The host of a node. @param name `name@host` */
export function hostOf(name: string): string {
  return name.slice(name.indexOf('@') + 1);
}

/** The prefix of a node's keys. @param name `name@host` */
export function nodePrefix(name: string): string {
  return `hosts/${hostOf(name)}/nodes/${name.slice(0, name.indexOf('@'))}`;
}
