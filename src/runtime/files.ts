/** Files: reading whole small ones, and those that hold secrets. */
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const packageRoot = new URL('../../../', import.meta.url);

/** Where a file of this package is, by its path from the package's folder. */
export function packagePath(path: string): string {
  return fileURLToPath(new URL(path, packageRoot));
}

/** What a secret file is, read from the very descriptor its text came from. */
export interface PrivateFile {
  readonly text: string;
  /** False for a folder, a device, a pipe or a socket; `text` is then empty. */
  readonly isRegular: boolean;
  /** Permission bits alone (0o777). */
  readonly mode: number;
  readonly ownerId: number;
  /** The user this process acts as. */
  readonly userId: number;
}

/**
 * Reads a file that may hold a secret, together with who else could: both come from one open
 * descriptor, so that nobody can exchange the file in between. At most `maxBytes` are read. Throws
 * Node's own file errors.
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<PrivateFile> {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    const isRegular = status.isFile();
    const userId = process.geteuid?.() ?? status.uid;
    const mode = status.mode & 0o777;
    const ownerId = status.uid;
    const text = isRegular ? await readUpTo(file, maxBytes) : '';
    return { text, isRegular, mode, ownerId, userId };
  } finally {
    await file.close();
  }
}

async function readUpTo(file: Awaited<ReturnType<typeof open>>, maxBytes: number): Promise<string> {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const { bytesRead } = await file.read(buffer, length, maxBytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.toString('utf8', 0, length);
}

/** Reads a text file, at most `maxBytes` of it. Throws Node's own file errors. */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return await readUpTo(file, maxBytes);
  } finally {
    await file.close();
  }
}

/**
 * Writes a new file that only its owner can read (mode 0600), whatever the umask. Throws EEXIST
 * when there is one, and Node's other file errors.
 * @param isToLast false: it is of no use after the host has lost its power.
 */
export async function createPrivateFile(
  path: string,
  text: string,
  isToLast = true,
): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    if (isToLast) await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether there is a file at a path that this process may run. */
export async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The last bytes of a file, at most so many; empty where there is none. */
export async function readTail(path: string, bytes: number): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(bytes, size));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
