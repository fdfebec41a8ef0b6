/** Lock files: one living process has one, whatever became of those before it. */
import { link, readFile, rename, writeFile } from 'node:fs/promises';
import { removeFile } from './folder.js';
import { isRunning, processIdentity } from './process-identity.js';

/** A lock that is held. */
export interface FileLock {
  /** Gives it back; whoever has taken it over meanwhile keeps it. */
  release(): Promise<void>;
}

/**
 * Takes the lock at `path`; that of a process that has ended is taken over. Two who take over at
 * the same moment may both succeed: what must never have two owners needs a second guard.
 *
 * @returns the lock, or the process that has it (its number first). Throws Node's file errors.
 */
export async function takeLock(path: string): Promise<FileLock | string> {
  const identity = processIdentity();
  const own = `${path}.${process.pid}`;
  await writeFile(own, identity, { mode: 0o600 });
  try {
    try {
      // Whoever links first has it, and it is never seen half written.
      await link(own, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = await readFile(path, 'utf8').catch(() => '');
      if (isRunning(holder)) return holder;
      await rename(own, path);
    }
  } finally {
    await removeFile(own);
  }
  return {
    release: async () => {
      const holder = await readFile(path, 'utf8').catch(() => '');
      if (holder === identity) await removeFile(path);
    },
  };
}
