/**
 * The guest's first process: a script for /bin/sh which makes the machine (file systems, modules),
 * runs one job and says how it ended. The guest's root is the host's root directory, read-only.
 */

/** One job in the guest. */
export interface GuestJob {
  /** Program (absolute) and its arguments. */
  readonly argv: readonly string[];
  /** Its working directory, as on the host. */
  readonly cwd: string;
  /** Its whole environment, but for HOME, TMPDIR and PATH, which the guest gives. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Absolute directories of the host which the job may write to. All else is read-only or scratch.
   */
  readonly writable: readonly string[];
  /** Whether the guest has a disk of its own. */
  readonly hasDisk: boolean;
}

/** Where the job finds the guest's disk. */
export const guestDisk = '/run/disk';

/**
 * Serial lines of the guest; the host's ends are in `warden.ts`. The control line speaks in words
 * of `GuestWord`.
 */
export const guestLines = {
  output: '/dev/ttyS0',
  error: '/dev/ttyS1',
  control: '/dev/ttyS2',
} as const;

/** First words of the lines on the control line: `up`, `exit CODE`, `fail REASON`. */
export type GuestWord = 'up' | 'exit' | 'fail';

/** hmac and the hashes come before sctp: without them listen() fails with ENOSYS. */
const MODULES = [
  ...['hmac', 'md5', 'sha1_generic', 'sha256_generic', 'sctp', 'sctp_diag'],
  ...['veth', 'bridge', 'sch_netem', 'dummy'],
];

/** One word for /bin/sh, whatever `text` holds. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Mounts, in order. What the job writes ends in memory and is gone with the guest, but for what it
 * is given. A disk that a cut has left in the middle of something is mended by the mount.
 */
function mounts({ writable, hasDisk }: GuestJob): string {
  const lines = [
    'mount -t proc proc /proc',
    'mount -t sysfs sys /sys',
    'mount -t cgroup2 groups /sys/fs/cgroup',
    'mount -t tmpfs -o mode=0755 run /run',
    'mkdir -m 1777 /run/tmp /run/shm && mkdir -m 0700 /run/home',
    'mkdir -p /dev/shm /dev/pts && mount --bind /run/shm /dev/shm && mount -t devpts pts /dev/pts',
    ...writable.map((path) => `mount -t hostfs -o ${quote(path)} hostfs ${quote(path)}`),
    ...(hasDisk ? [`mkdir ${guestDisk}`, `mount -t ext4 /dev/ubda ${guestDisk}`] : []),
  ];
  return lines.map((line) => `${line} || fail ${quote(line)}`).join('\n');
}

/**
 * The whole script. Everything a job leaves running is killed after it, so that its output ends;
 * the lines are drained (stty waits for that) before the last word is said, so that whoever reads
 * it finds all output there.
 */
export function initScript(job: GuestJob): string {
  const env = Object.entries(job.env).map(([name, value]) => `${name}=${quote(value)}`);
  return `#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME=/run/home TMPDIR=/run/tmp ${env.join(' ')}
unset mem uml_dir OLDPWD
exec </dev/null >/dev/console 2>&1
fail() { echo "fail $1" >${guestLines.control}; exec sleep infinity; }
${mounts(job)}
for line in ${guestLines.output} ${guestLines.error}; do
  stty -F $line raw -echo || fail 'serial lines'
done
mkdir -p /run/modules/lib && ln -s /usr/lib/uml/modules /run/modules/lib/modules
modprobe -C /dev/null -d /run/modules -a ${MODULES.join(' ')} || fail 'kernel modules'
ip link set lo up || fail 'loopback'
mkfifo /run/output /run/error
cat /run/output >${guestLines.output} & out=$!
cat /run/error >${guestLines.error} & err=$!
cd ${quote(job.cwd)} || fail 'working directory'
echo up >${guestLines.control}
${job.argv.map(quote).join(' ')} >/run/output 2>/run/error
code=$?
for process in /proc/[0-9]*; do
  process=\${process#/proc/}
  case $process in 1|$out|$err) ;; *) kill -9 $process ;; esac
done 2>/dev/null
wait $out $err
sync
for line in ${guestLines.output} ${guestLines.error}; do stty -F $line raw; done
echo "exit $code" >${guestLines.control}
exec sleep infinity
`;
}
