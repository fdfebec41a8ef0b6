/**
 * Transactions: what must hold, and what is then done, all of it or nothing.
 *
 * On the wire and in the log they are CBOR arrays, with values as byte strings of their own, so
 * that who passes them on reads no value:
 *
 * - a transaction: [1, conditions, operations]
 * - operations alone, as a log entry holds them: [1, operations]
 * - a condition: [0, key, exists], [1, key, revision] or [2, key, value]
 * - an operation: [0, key, value] puts, [1, key] deletes, [2, prefix] deletes all that it holds
 *
 * 1 is the version of this format.
 */
import { BackplaneError, ConfigError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { decodeBody, encodeBody } from '../wire/payload.js';
import { keyProblem, prefixesOf, prefixProblem } from './path.js';
import type { Change } from './tree.js';
import { checkValueBytes, encodeValue } from './value.js';

/** What must hold of one key. */
export type Compare =
  /** It has a value, or has none. */
  | { readonly key: string; readonly exists: boolean }
  /** It was last put by this revision; 0: it has no value. */
  | { readonly key: string; readonly revision: number }
  /** It has this value. */
  | { readonly key: string; readonly value: unknown };

/** What is done. */
export type Write =
  | { readonly put: string; readonly value: unknown }
  /** Also where there is no value. */
  | { readonly delete: string }
  /** Deletes all that a prefix holds. Puts after it, in the same transaction, stay. */
  | { readonly deletePrefix: string };

/** A transaction as a program gives it. */
export interface Transaction {
  readonly compare?: readonly Compare[];
  readonly write: readonly Write[];
}

/** `Compare`, checked, with its value encoded. */
export type Condition =
  | { readonly type: 'exists'; readonly key: string; readonly exists: boolean }
  | { readonly type: 'revision'; readonly key: string; readonly revision: number }
  | { readonly type: 'value'; readonly key: string; readonly value: Buffer };

/** `Write`, checked, with its value encoded. */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Buffer }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'deletePrefix'; readonly prefix: string };

/** A transaction that was checked. */
export interface CheckedTransaction {
  readonly conditions: readonly Condition[];
  readonly operations: readonly Operation[];
}

/** What a tree tells of a key: what it is now, undefined where nothing was ever put. */
export interface KeyReader {
  get(key: string): Change | undefined;
}

/** Whether the conditions hold; else the place of the first that does not. */
export type Verdict =
  | { readonly succeeded: true }
  | { readonly succeeded: false; readonly failed: number };

const FORMAT = 1;
const Kind = { exists: 0, revision: 1, value: 2 } as const;
const Act = { put: 0, delete: 1, deletePrefix: 2 } as const;

/**
 * Checks a transaction of a program, and encodes its values.
 * @throws ConfigError ERR_ARGUMENT: the message names the place (`write[2].put`) and the reason;
 *   ERR_MESSAGE_TOO_LARGE: a value over limits.configValueBytes, or as `encodeBody`.
 */
export function checkTransaction(transaction: unknown): CheckedTransaction {
  const fields = fieldsOf(transaction, 'a transaction', ['compare', 'write']);
  const compare = fields['compare'] === undefined ? [] : fields['compare'];
  const conditions = listOf(compare, 'compare', limits.configConditions, readCompare);
  const operations = listOf(fields['write'], 'write', limits.configOperations, readWrite);
  const problem = contradiction(operations);
  if (problem !== null) throw wrong(problem);
  return { conditions, operations };
}

/**
 * Encodes a transaction, for the sequencer.
 * @throws ConfigError ERR_MESSAGE_TOO_LARGE: over limits.configTransactionBytes.
 */
export function encodeTransaction({ conditions, operations }: CheckedTransaction): Buffer {
  return encodeBounded([FORMAT, conditions.map(writeCondition), operations.map(writeOperation)]);
}

/** Encodes operations alone, for the log; whatever of a transaction fits does so without rest. */
export function encodeOperations(operations: readonly Operation[]): Buffer {
  return encodeBounded([FORMAT, operations.map(writeOperation)]);
}

/**
 * Reads a transaction of a peer, with all that `checkTransaction` checks. Values are views of
 * `bytes`.
 * @throws ProtocolError ERR_PROTOCOL; ERR_VERSION: of another format.
 */
export function decodeTransaction(bytes: Buffer): CheckedTransaction {
  const [conditions, operations] = decodeLists(bytes, 2);
  return {
    conditions: readList(conditions, limits.configConditions, readCondition),
    operations: readOperations(operations),
  };
}

/** Reads operations of a log entry. As `decodeTransaction`. */
export function decodeOperations(bytes: Buffer): Operation[] {
  return readOperations(decodeLists(bytes, 1)[0]);
}

/** Whether the conditions of a transaction hold in a tree. */
export function evaluate(reader: KeyReader, conditions: readonly Condition[]): Verdict {
  const failed = conditions.findIndex((condition) => !holds(reader.get(condition.key), condition));
  return failed === -1 ? { succeeded: true } : { succeeded: false, failed };
}

function holds(found: Change | undefined, condition: Condition): boolean {
  const value = found?.value ?? null;
  switch (condition.type) {
    case 'exists':
      return (value !== null) === condition.exists;
    case 'revision':
      return (value === null ? 0 : found?.modRevision) === condition.revision;
    case 'value':
      return value?.equals(condition.value) === true;
  }
}

function wrong(what: string): ConfigError {
  return new ConfigError('ERR_ARGUMENT', what);
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed transaction: ${what}`);
}

/** What a list of operations says against itself; null when nothing. */
function contradiction(operations: readonly Operation[]): string | null {
  const named = new Set<string>();
  const deleted = new Set<string>();
  // From the last to the first, so that each sees which prefixes are deleted after it.
  for (let index = operations.length - 1; index >= 0; index--) {
    const operation = operations[index] as Operation;
    if (operation.type === 'deletePrefix') {
      deleted.add(operation.prefix);
      continue;
    }
    const { type, key } = operation;
    if (named.has(key)) return `write[${index}]: ${key} is named again after it`;
    named.add(key);
    if (type === 'put' && prefixesOf(key).some((prefix) => deleted.has(prefix))) {
      return `write[${index}]: a later deletePrefix deletes ${key} again`;
    }
  }
  return null;
}

/** The fields of an object that has no others. */
function fieldsOf(
  value: unknown,
  place: string,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(`${place} must be an object`);
  }
  const unknownName = Object.keys(value).find((name) => !names.includes(name));
  if (unknownName === undefined) return value as Record<string, unknown>;
  throw wrong(`${place} has the unknown field ${JSON.stringify(unknownName)}`);
}

function listOf<T>(
  value: unknown,
  place: string,
  most: number,
  read: (item: unknown, place: string) => T,
): T[] {
  if (!Array.isArray(value)) throw wrong(`${place} must be an array`);
  if (value.length > most) throw wrong(`${place} has at most ${most} items`);
  return Array.from(value, (item: unknown, index) => read(item, `${place}[${index}]`));
}

function readCompare(item: unknown, place: string): Condition {
  const fields = fieldsOf(item, place, ['key', 'exists', 'revision', 'value']);
  const key = checked(fields['key'], `${place}.key`, keyProblem);
  const kinds = Object.keys(fields).filter((name) => name !== 'key');
  if (kinds.length !== 1) throw wrong(`${place} has one of exists, revision and value`);
  const { exists, revision, value } = fields;
  switch (kinds[0]) {
    case 'exists':
      if (typeof exists !== 'boolean') throw wrong(`${place}.exists must be a boolean`);
      return { type: 'exists', key, exists };
    case 'revision':
      if (!isRevision(revision)) throw wrong(`${place}.revision must be a revision: 0 or more`);
      return { type: 'revision', key, revision };
    default:
      return { type: 'value', key, value: encodedAt(value, place) };
  }
}

function readWrite(item: unknown, place: string): Operation {
  const fields = fieldsOf(item, place, ['put', 'value', 'delete', 'deletePrefix']);
  const names = Object.keys(fields).sort().join();
  if (names === 'put,value') {
    const key = checked(fields['put'], `${place}.put`, keyProblem);
    return { type: 'put', key, value: encodedAt(fields['value'], place) };
  }
  if (names === 'delete') {
    return { type: 'delete', key: checked(fields['delete'], `${place}.delete`, keyProblem) };
  }
  if (names !== 'deletePrefix') {
    throw wrong(`${place} is { put, value }, { delete } or { deletePrefix }`);
  }
  const prefix = checked(fields['deletePrefix'], `${place}.deletePrefix`, ownPrefixProblem);
  return { type: 'deletePrefix', prefix };
}

function checked(text: unknown, place: string, problemOf: (text: unknown) => string | null) {
  const problem = problemOf(text);
  if (problem === null) return text as string;
  throw wrong(`${place} is ${JSON.stringify(text)}: ${problem}`);
}

/** Everything is nothing that is deleted by an empty text. */
function ownPrefixProblem(text: unknown): string | null {
  return text === '' ? 'it is empty' : prefixProblem(text);
}

function encodedAt(value: unknown, place: string): Buffer {
  try {
    return encodeValue(value);
  } catch (cause) {
    if (!(cause instanceof BackplaneError)) throw cause;
    throw new ConfigError(cause.code, `${place}.value: ${cause.message}`, { cause });
  }
}

function isRevision(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function encodeBounded(lists: readonly unknown[]): Buffer {
  const bytes = encodeBody(lists).body;
  if (bytes.length <= limits.configTransactionBytes) return Buffer.from(bytes);
  throw new ConfigError(
    'ERR_MESSAGE_TOO_LARGE',
    `a transaction has at most ${limits.configTransactionBytes} bytes when encoded`,
  );
}

function writeCondition(condition: Condition): readonly unknown[] {
  const { type, key } = condition;
  if (type === 'exists') return [Kind.exists, key, condition.exists];
  if (type === 'revision') return [Kind.revision, key, condition.revision];
  return [Kind.value, key, condition.value];
}

function writeOperation(operation: Operation): readonly unknown[] {
  if (operation.type === 'put') return [Act.put, operation.key, operation.value];
  if (operation.type === 'delete') return [Act.delete, operation.key];
  return [Act.deletePrefix, operation.prefix];
}

/** The lists behind the version. */
function decodeLists(bytes: Buffer, count: number): unknown[] {
  if (bytes.length > limits.configTransactionBytes) throw malformed(`${bytes.length} bytes`);
  const whole = decodeBody('cbor', bytes);
  if (!Array.isArray(whole)) throw malformed('it is no array');
  const [version, ...lists] = whole as unknown[];
  if (version !== FORMAT && Number.isSafeInteger(version)) {
    throw new ProtocolError('ERR_VERSION', `a transaction of format ${version}, not ${FORMAT}`);
  }
  if (version !== FORMAT || lists.length !== count) throw malformed(`it is not of ${count} lists`);
  return lists;
}

function readList<T>(list: unknown, most: number, read: (item: readonly unknown[]) => T): T[] {
  if (!Array.isArray(list)) throw malformed('a list that is none');
  if (list.length > most) throw malformed(`a list of ${list.length} items`);
  return list.map((item: unknown) => {
    if (!Array.isArray(item)) throw malformed('an item that is no array');
    return read(item);
  });
}

function readCondition(item: readonly unknown[]): Condition {
  const [kind, key, operand] = item;
  if (item.length !== 3) throw malformed(`a condition of ${item.length} parts`);
  if (keyProblem(key) !== null) throw malformed('a condition without a key');
  const of = { key: key as string };
  if (kind === Kind.exists && typeof operand === 'boolean') {
    return { type: 'exists', ...of, exists: operand };
  }
  if (kind === Kind.revision && isRevision(operand)) {
    return { type: 'revision', ...of, revision: operand };
  }
  if (kind === Kind.value) return { type: 'value', ...of, value: readValue(operand) };
  throw malformed('an unknown condition');
}

function readOperations(list: unknown): Operation[] {
  const operations = readList(list, limits.configOperations, readOperation);
  const problem = contradiction(operations);
  if (problem !== null) throw malformed(problem);
  return operations;
}

function readOperation(item: readonly unknown[]): Operation {
  const [act, path, value] = item;
  if (item.length !== (act === Act.put ? 3 : 2)) throw malformed('an operation of other parts');
  if (act === Act.deletePrefix) {
    if (ownPrefixProblem(path) !== null) throw malformed('an operation without a prefix');
    return { type: 'deletePrefix', prefix: path as string };
  }
  if (keyProblem(path) !== null) throw malformed('an operation without a key');
  if (act === Act.put) return { type: 'put', key: path as string, value: readValue(value) };
  if (act === Act.delete) return { type: 'delete', key: path as string };
  throw malformed('an unknown operation');
}

function readValue(value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) throw malformed('a value that is no byte string');
  checkValueBytes(value);
  return value;
}
