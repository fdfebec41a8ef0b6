/**
 * What the unit of a controller gives it where systemd starts it, without systemd: its priority,
 * and a control group of its own. All hosts of a lab are on one machine, and so are their
 * controllers: they are in one group.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { packagePath } from '../../runtime/files.js';

const UNIT = 'deploy/backplane-controller.service';
const GROUPS = '/sys/fs/cgroup';

/** What a process is started with. */
export interface Service {
  readonly nice: number;
  /** The folder of its control group; null: it stays in ours. */
  readonly group: string | null;
}

/** Of controllers, and of programs that operators run in the part of controllers. */
export interface Services {
  readonly controller: Service;
  readonly program: Service;
}

/** What the unit says of a controller. */
export function readUnit(text: string = readFileSync(packagePath(UNIT), 'utf8')) {
  const is = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];
  return {
    nice: Number(is('Nice') ?? 0),
    isDelegated: is('Delegate') === 'cpu' && / --delegated\b/.test(is('ExecStart') ?? ''),
  };
}

/** Whether all control groups of this machine are ours: it is a guest, and runs nothing else. */
export function areGroupsOurs(): boolean {
  if (readFileSync('/proc/self/cgroup', 'utf8') !== '0::/\n') return false;
  // In a container it only looks so: the root of all is the one group without a type.
  const has = (name: string) => existsSync(path.join(GROUPS, name));
  return has('cgroup.controllers') && !has('cgroup.type');
}

/**
 * Makes the groups where this machine is ours alone, as a guest is; elsewhere there are none, and
 * priorities are all there is.
 */
export function makeServices(): Services {
  const { nice, isDelegated } = readUnit();
  if (!isDelegated || !areGroupsOurs()) {
    const service = { nice, group: null };
    return { controller: service, program: service };
  }
  writeFileSync(path.join(GROUPS, 'cgroup.subtree_control'), '+cpu');
  const unit = path.join(GROUPS, 'backplane-controller.service');
  mkdirSync(unit, { recursive: true });
  const program = { nice, group: path.join(unit, 'controller') };
  return { controller: { nice, group: unit }, program };
}

/** A command that runs as a service. */
export function asService({ nice, group }: Service, argv: readonly string[]): string[] {
  const all = ['nice', '-n', String(nice), ...argv];
  if (group === null) return all;
  return ['sh', '-c', 'echo 0 >"$0" && exec "$@"', path.join(group, 'cgroup.procs'), ...all];
}

/** The control group of a process, from the root of all; empty where there is no such process. */
export function groupOf(pid: number): string {
  const file = `/proc/${pid}/cgroup`;
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return /^0::(.*)$/m.exec(text)?.[1] ?? '';
}
