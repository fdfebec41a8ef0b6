/** Whether a folder is on a disk: what is in memory survives the end of a process in any case. */
import { statfsSync } from 'node:fs';

/** `f_type` of file systems without a disk (statfs(2)). */
const WITHOUT_DISK: Readonly<Record<number, string>> = {
  16914836: 'tmpfs',
  2240043254: 'ramfs',
};

/** The name of a file system that lies in memory; null: it has a disk, as far as it tells. */
export function memoryFileSystem(path: string): string | null {
  return WITHOUT_DISK[statfsSync(path).type] ?? null;
}
