/** What a store has on its disk, below the store: files, and the records in them. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { open as openLmdb } from 'lmdb';
import { projectRoot } from '../rules/sources.js';

/** The records of a store, as LMDB has them. */
export function trees(path: string) {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const options = { ...binary, path: join(path, 'config.mdb'), overlappingSync: false, maxDbs: 1 };
  const records = openLmdb<Buffer, Buffer>(options);
  return { records, owner: records.openDB('owner', { ...binary, useVersions: true }) };
}

/** Records as `key value`, in hex, a line each: files of LMDB itself differ between machines. */
export function golden(format: number): string[] {
  const name = `test/unit/config/fixtures/store-format-${format}.txt`;
  return readFileSync(join(projectRoot, name), 'utf8').trimEnd().split('\n');
}

/** Makes a store of records, in a new folder. */
export async function build(path: string, lines: readonly string[]): Promise<string> {
  mkdirSync(path);
  const { records } = trees(path);
  await records.batch(() => {
    for (const line of lines) {
      const [key, value] = line.split(' ').map((text) => Buffer.from(text, 'hex'));
      void records.put(key!, value!);
    }
  });
  await records.close();
  return path;
}

/** The records of a store, as `golden` has them. */
export async function recordsOf(path: string): Promise<string[]> {
  const { records } = trees(path);
  const lines = [...records.getRange()].map(({ key, value }) =>
    [key, value].map((bytes) => Buffer.from(bytes).toString('hex')).join(' '),
  );
  await records.close();
  // Where the other tree is, changes.
  const owner = `${Buffer.from('owner\0').toString('hex')} `;
  return lines.filter((line) => !line.startsWith(owner));
}

/** Everything in a folder but locks, which come and go; or the content of a file. */
export function fingerprint(path: string): string[] {
  if (!statSync(path).isDirectory()) return [readFileSync(path, 'hex')];
  return readdirSync(path)
    .filter((name) => !name.includes('lock'))
    .map((name) => {
      const file = join(path, name);
      const content = statSync(file).isFile() ? readFileSync(file) : '';
      return `${name} ${createHash('sha256').update(content).digest('hex')}`;
    });
}
