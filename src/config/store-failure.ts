/** Why a store cannot be opened or written, as a code, and the way out of it. */
import { ConfigError } from '../errors.js';
import type { StoreFailure } from './store-contract.js';

/** By the name the system has for it, or its number on Linux: LMDB gives no names. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG', 28, 122, 27];
const READ_ONLY = ['EROFS', 'EACCES', 'EPERM', 30, 13, 1];
/** MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID: what is in the file makes no sense to LMDB. */
const CORRUPT = [-30796, -30797, -30793];

/** What the operator does about it; `path` is the folder of the store. */
const waysOut: { readonly [Code in StoreFailure]: (path: string) => string } = {
  ERR_STORE: () => 'Mend the disk or what the system complains of, then start again.',
  ERR_STORE_FULL: (path) =>
    `Make room on the disk of ${path}, then start again; a store at its own limit gets small ` +
    'when it is moved away and its master added again, empty.',
  ERR_STORE_READ_ONLY: (path) =>
    `Make ${path} and its files writable for this user (ls -la ${path}; mount), then start again.`,
  ERR_STORE_IN_USE: () => 'End that process, or give this one a folder of its own.',
  ERR_STORE_CORRUPT: (path) =>
    `Nothing was written to it. Look after the disk, move the store away (mv ${path} ` +
    `${path}.damaged), start empty, and add this master again.`,
  ERR_STORE_FOREIGN: () => 'Nothing was written to it. Choose another path for the store.',
  ERR_STORE_FORMAT: () => 'Nothing was written to it. Update backplane on this host.',
};

/** A failure with its way out. `what` is a sentence without its full stop. */
export function storeError(
  code: StoreFailure,
  path: string,
  what: string,
  cause?: unknown,
): ConfigError {
  return new ConfigError(code, `${what}. ${waysOut[code](path)}`, { cause });
}

function codeOf(error: unknown): StoreFailure {
  const code = (error as { readonly code?: string | number } | null)?.code ?? '';
  if (FULL.includes(code)) return 'ERR_STORE_FULL';
  if (READ_ONLY.includes(code)) return 'ERR_STORE_READ_ONLY';
  return CORRUPT.includes(code as number) ? 'ERR_STORE_CORRUPT' : 'ERR_STORE';
}

/** Whatever went wrong with the store at `path`, as a ConfigError; one is returned as it is. */
export function asStoreError(path: string, error: unknown): ConfigError {
  if (error instanceof ConfigError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return storeError(codeOf(error), path, `the store ${path} failed: ${why}`, error);
}
