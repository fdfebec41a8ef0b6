/** What lies in a folder, and files that come to be whole or not at all. */
import { chmod, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Names in a folder; null where nothing is at the path. Throws Node's other file errors. */
export async function namesIn(path: string): Promise<string[] | null> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Makes a folder that only its owner can use, and those above it that are missing, to last. Throws
 * Node's file errors.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  const topmost = await mkdir(resolve(path), { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  for (let made = resolve(path); made !== dirname(topmost); made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

/**
 * Gives a finished file its name, unless there is one of that name already.
 * @returns whether it has the name now; the other name is gone either way.
 */
export async function nameFile(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await removeFile(from);
  }
}

/** Removes a file that may be there. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Makes what was named or removed in a folder last. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Lets others through a folder, to what they know the name of; nobody else looks into it. */
export async function letThrough(path: string): Promise<void> {
  await chmod(path, 0o711);
}

/** Makes a folder within one that is there, for its owner alone. Throws Node's file errors. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 });
}

/** Removes a folder with all that is in it. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Gives a file another name. Whether it was there; throws Node's other file errors. */
export async function renameFile(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}
