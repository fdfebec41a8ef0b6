/**
 * Cluster keys and the file they are kept in.
 *
 * A key file is text: one key per line, in base64 or in hex, of 32 bytes or more. Empty lines and
 * lines that begin with `#` mean nothing. The first key is the one a node proves itself with; all
 * of them are accepted from peers.
 */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { createPrivateFile, type PrivateFile, readPrivateFile } from '../runtime/files.js';
import type { Random } from '../runtime/index.js';

/**
 * A cluster key given by the program.
 * @throws NodeError ERR_ARGUMENT: not bytes; ERR_KEY_SHORT: fewer than limits.keyMinBytes.
 */
export function checkKey(key: unknown): Uint8Array {
  if (!(key instanceof Uint8Array)) throw new NodeError('ERR_ARGUMENT', 'key must be a Uint8Array');
  if (key.length < limits.keyMinBytes) {
    throw new NodeError(
      'ERR_KEY_SHORT',
      `a cluster key has ${limits.keyMinBytes} bytes or more, this one has ${key.length}`,
    );
  }
  return key;
}

/** One line of a key file. A line of hex digits is hex: base64 of 32 bytes always ends in `=`. */
function parseKey(line: string): Uint8Array | null {
  if (/^(?:[0-9a-fA-F]{2})+$/.test(line)) return Buffer.from(line, 'hex');
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(line)) return Buffer.from(line, 'base64');
  return null;
}

/**
 * The keys in the text of a key file.
 * @throws NodeError ERR_KEY_FILE: a line that is neither hex nor base64, or more than limits.keys;
 *   ERR_KEY_SHORT: no key, or one that is too short.
 */
export function parseKeyFile(text: string, path: string): Uint8Array[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0) throw new NodeError('ERR_KEY_SHORT', `${path} holds no key`);
  if (lines.length > limits.keys) {
    throw new NodeError('ERR_KEY_FILE', `${path} holds more than ${limits.keys} keys`);
  }
  return lines.map((line) => {
    const key = parseKey(line);
    // The line itself stays out of the message: it may be nearly a key.
    if (key === null) throw new NodeError('ERR_KEY_FILE', `${path}: a key is base64 or hex`);
    return checkKey(key);
  });
}

/**
 * Refuses a key file that others than its owner can read.
 * @throws NodeError ERR_KEY_FILE_MODE: any permission for group or others, an owner who is neither
 *   this process's user nor root, or not a regular file.
 */
export function checkKeyFileMode(file: Omit<PrivateFile, 'text'>, path: string): void {
  const refuse = (why: string) => new NodeError('ERR_KEY_FILE_MODE', `${path} ${why}`);
  if (!file.isRegular) throw refuse('is not a regular file');
  if (file.ownerId !== file.userId && file.ownerId !== 0) {
    throw refuse(`belongs to user ${file.ownerId}, this process runs as user ${file.userId}`);
  }
  if ((file.mode & 0o077) !== 0) {
    const mode = file.mode.toString(8).padStart(4, '0');
    throw refuse(`has mode ${mode}: others can use it. Run: chmod 600 ${path}`);
  }
}

/**
 * Reads a key file.
 * @throws NodeError ERR_KEY_FILE: missing, unreadable, over limits.keyFileBytes or not a key file;
 *   ERR_KEY_FILE_MODE; ERR_KEY_SHORT.
 */
export async function readKeyFile(path: string): Promise<Uint8Array[]> {
  let file: PrivateFile;
  try {
    file = await readPrivateFile(path, limits.keyFileBytes + 1);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NodeError('ERR_KEY_FILE', `the key file cannot be read: ${why}`, { cause });
  }
  checkKeyFileMode(file, path);
  if (Buffer.byteLength(file.text) > limits.keyFileBytes) {
    throw new NodeError('ERR_KEY_FILE', `${path} is larger than ${limits.keyFileBytes} bytes`);
  }
  return parseKeyFile(file.text, path);
}

/**
 * Makes a new key file with one random key of limits.keyMinBytes bytes, readable by its owner
 * alone.
 * @throws NodeError ERR_KEY_FILE: it exists already, or cannot be written.
 */
export async function createKeyFile(path: string, random: Random): Promise<void> {
  const text = `${random.bytes(limits.keyMinBytes).toString('base64')}\n`;
  try {
    await createPrivateFile(path, text);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists ? 'it exists, and is not overwritten' : (cause as Error).message;
    throw new NodeError('ERR_KEY_FILE', `${path} was not written: ${why}`, { cause });
  }
}
