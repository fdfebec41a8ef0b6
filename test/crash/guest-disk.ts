/** Disks of guests: files of the host. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/**
 * Makes a disk with an empty file system of the kind ext4. It takes room on the host only as far as
 * it is written. Nothing of the file system is left to be made in the background once it is used.
 * @throws Error: no disk can be made there.
 */
export function makeDisk(path: string, mebibytes: number): void {
  rmSync(path, { force: true });
  const whole = 'lazy_itable_init=0,lazy_journal_init=0';
  const options = ['-q', '-F', '-m', '0', '-E', whole, path, `${mebibytes}M`];
  const { status, stderr, error } = spawnSync('mkfs.ext4', options, {
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`mkfs.ext4: ${error?.message ?? stderr}`);
}
