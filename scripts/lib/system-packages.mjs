/**
 * What has to come from the system: a compiler, and where the kernel has no SCTP, a kernel that has
 * it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_UNAVAILABLE, findProgram, SetupError, step } from './tool.mjs';

/** Needed to build the addon, as Debian package and the program that shows it is there. */
const BUILD = [
  { name: 'g++', present: () => findProgram('g++') !== null },
  { name: 'make', present: () => findProgram('make') !== null },
  { name: 'python3', present: () => findProgram('python3') !== null },
];

/** Needed to boot the lab's own kernel. */
const GUEST = [
  {
    name: 'user-mode-linux',
    present: () => findProgram('linux.uml') !== null && existsSync('/usr/lib/uml/modules'),
  },
  { name: 'kmod', present: () => findProgram('modprobe') !== null },
  { name: 'iproute2', present: () => findProgram('ip') !== null && findProgram('tc') !== null },
  { name: 'util-linux', present: () => findProgram('unshare') !== null },
  // It gets a disk of its own where its power is cut.
  { name: 'e2fsprogs', present: () => findProgram('mkfs.ext4') !== null },
];

/** Needed to fuzz the parsers. */
const FUZZER = [
  { name: 'clang', present: () => findProgram('clang++') !== null },
  { name: 'libclang-rt-dev', present: hasLibFuzzer },
];

/** What the configuration is compared with. */
const ETCD = [{ name: 'etcd-server', present: () => findProgram('etcd') !== null }];

/** libFuzzer comes with clang's runtime, which Debian packs apart. */
function hasLibFuzzer() {
  const clang = findProgram('clang++');
  if (clang === null) return false;
  const { stdout } = spawnSync(clang, ['-print-resource-dir'], { encoding: 'utf8' });
  const folder = join(stdout.trim(), 'lib', 'linux');
  return existsSync(folder) && readdirSync(folder).some((name) => /\.fuzzer-.*\.a$/.test(name));
}

/** The lab runs on this host's kernel only as root and with SCTP. */
function needsGuest() {
  return process.getuid() !== 0 || !existsSync('/proc/net/sctp');
}

function isDebian() {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/**
 * The names of the Debian packages that are missing, of those for building and, with `lab`, of
 * those for the lab; with `fuzzer`, of those for libFuzzer; with `etcd`, of that; with `guest`, of
 * those for the lab's own kernel also where this one could be the lab.
 */
export function missingPackages({ lab, fuzzer = false, etcd = false, guest = false }) {
  const wanted = [...BUILD];
  if (guest || (lab && needsGuest())) wanted.push(...GUEST);
  if (fuzzer) wanted.push(...FUZZER);
  if (etcd) wanted.push(...ETCD);
  return wanted.filter(({ present }) => !present()).map(({ name }) => name);
}

/**
 * Installs `names` when this is Debian, we are root and `allowed`.
 * @throws SetupError with the one command a person can use instead, and exit code EXIT_UNAVAILABLE.
 */
export async function installPackages(names, allowed = true) {
  if (names.length === 0) return;
  const install = ['install', '-y', '--no-install-recommends', ...names];
  if (!isDebian()) {
    throw new SetupError(
      `missing: ${names.join(', ')} (as Debian calls them). Install them, then try again.`,
      EXIT_UNAVAILABLE,
    );
  }
  if (!allowed || process.getuid() !== 0) {
    throw new SetupError(
      `missing: ${names.join(', ')}. This installs them:\n\n` +
        `  sudo sh -c 'apt-get update && apt-get ${install.join(' ')}'\n`,
      EXIT_UNAVAILABLE,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  // Another apt may be at work on a machine that has just come up: wait for it instead of failing.
  const apt = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  await step('list of Debian packages', [...apt, 'update'], { env });
  await step(`Debian packages ${names.join(', ')}`, [...apt, ...install], { env });
}
