/**
 * Control groups (cgroups(7), version 2): a group that was delegated to this process is divided in
 * two, each with a share of the processors. Between groups the kernel divides by their weights,
 * however many threads are in each.
 *
 * Both parts are threaded groups. Ordinary ones would forbid any process in the group above as long
 * as both parts have some, and it is there that a service manager starts the next of us while what
 * the last of us has started runs on.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The weight of each part (`cpu.weight`, 1 to 10,000): this process, and what it starts. */
export interface GroupWeights {
  readonly own: number;
  readonly started: number;
}

/** Where the kernel shows groups, and in which this process is. */
export interface GroupPlaces {
  readonly mount: string;
  readonly self: string;
}

/** A group in two parts. */
export interface DividedGroup {
  /** Of the group that was delegated, from the root of all. */
  readonly group: string;
  /** A process that writes `0` into this file is in the part of what was started. */
  readonly started: string;
}

/** Why a group could not be divided, for people. */
export interface UndividedGroup {
  readonly why: string;
}

const PLACES: GroupPlaces = { mount: '/sys/fs/cgroup', self: '/proc/self/cgroup' };
/** Names of the parts. */
const OWN = 'controller';
const STARTED = 'workers';

/**
 * Moves this process into a part of its group, and makes one for what it starts. It may be called
 * again by whichever process follows in the same group.
 */
export async function divideGroup(
  weights: GroupWeights,
  { mount, self }: GroupPlaces = PLACES,
): Promise<DividedGroup | UndividedGroup> {
  try {
    const line = /^0::(\/.*)$/m.exec(await readFile(self, 'utf8'));
    if (line === null) return { why: 'there are no control groups of version 2' };
    const at = line[1] as string;
    const group = basename(at) === OWN ? dirname(at) : at;
    if (group === '/') return { why: 'it has no control group of its own' };
    const folder = join(mount, group);
    const kinds = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    if (!kinds.includes('cpu')) return { why: `processors are not delegated to ${group}` };
    for (const part of [OWN, STARTED]) await makeThreaded(join(folder, part));
    await writeFile(join(folder, OWN, 'cgroup.procs'), '0');
    await writeFile(join(folder, 'cgroup.subtree_control'), '+cpu');
    await writeFile(join(folder, OWN, 'cpu.weight'), String(weights.own));
    await writeFile(join(folder, STARTED, 'cpu.weight'), String(weights.started));
    return { group, started: join(folder, STARTED, 'cgroup.procs') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return { why: (error as Error).message };
  }
}

async function makeThreaded(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'cgroup.type'), 'threaded');
}
