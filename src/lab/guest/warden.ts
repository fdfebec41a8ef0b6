/**
 * The guest is watched by a process of its own, the warden, so that it goes when its owner goes,
 * however that ends: the warden waits for the end of file on a pipe whose other end the owner
 * holds, then kills the guest with all its helper processes and removes its folder. Nothing else
 * ends a guest, and the owner makes no file himself.
 */
import { basename, dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { type ChildProcess, spawn } from '../../runtime/child-process.js';

export interface WardenOptions {
  /** The script of the guest's first process. */
  readonly init: string;
  /** Memory of the guest, as the kernel's `mem=` takes it. */
  readonly memory: string;
  /** Where the guest's memory file goes (it is unlinked at once). */
  readonly memoryFolder: string;
  /** Where the guest's small files go. */
  readonly scratchFolder: string;
  /** The kernel: path of `linux.uml`. */
  readonly kernel: string;
  /** What is loaded into the kernel's process: path of `backplane_guest.so`. */
  readonly preload: string;
  /** The processor it is to stay on, by number; null: wherever it likes. */
  readonly processor: number | null;
  /** The file that is its disk, without a comma in its path; null: none. */
  readonly disk: string | null;
}

/** A running guest: its lines, and the means to end it. */
export interface Warden {
  readonly process: ChildProcess;
  readonly console: Duplex;
  readonly output: Duplex;
  readonly error: Duplex;
  readonly control: Duplex;
  /** Ends the guest, whatever it is doing; the process's 'close' follows when nothing is left. */
  release(): void;
}

/**
 * Descriptors: 1 console, 3 the owner's pipe, 4 output, 5 error, 6 control. The kernel gets a
 * session of its own, hence a process group which holds all it forks; it aborts by a signal to its
 * whole group, which must not be ours.
 *
 * The disk is opened with O_SYNC (the `s` of `ubd0s`): the kernel's driver says that it can flush,
 * and does not (in Linux 6.1 it works through the segments of a request, of which a flush has none;
 * no fsync is seen under strace). So what it tells the guest is written is on the host's disk.
 */
const SCRIPT = `
exec 2>&1
folder=$(mktemp -d "$SCRATCH/backplane-guest.XXXXXX") || exit 70
printf %s "$INIT" >"$folder/init" && chmod 700 "$folder/init"
TMPDIR="$MEMORY_FOLDER" HOME="$folder" INIT= \\
  LD_PRELOAD="./$PRELOAD" setsid $ON_PROCESSOR "$KERNEL" \\
  "mem=$MEMORY" root=/dev/root rootfstype=hostfs rootflags=/ ro \\
  "init=$folder/init" "uml_dir=$folder/" \${DISK:+"ubd0s=$DISK"} \\
  con=null con0=null,fd:1 ssl=null ssl0=null,fd:4 ssl1=null,fd:5 ssl2=null,fd:6 \\
  panic=-1 noreboot quiet 3<&- &
guest=$!
exec >/dev/null 2>&1 4>&- 5>&- 6>&-
read -r never <&3
kill -KILL $guest
kill -KILL -$guest
wait
rm -rf "$folder"
`;

/** Starts a guest under a warden. */
export function startWarden(options: WardenOptions): Warden {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'backplane-warden'], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe', 'pipe', 'pipe'],
    // A session of its own: no signal of the owner's terminal reaches it.
    detached: true,
    // LD_PRELOAD takes no path with a space or a colon: it is found by its name from here.
    cwd: dirname(options.preload),
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      INIT: options.init,
      MEMORY: options.memory,
      MEMORY_FOLDER: options.memoryFolder,
      SCRATCH: options.scratchFolder,
      KERNEL: options.kernel,
      PRELOAD: basename(options.preload),
      DISK: options.disk ?? '',
      ON_PROCESSOR: options.processor === null ? '' : `taskset -c ${options.processor}`,
    },
  });
  // The type knows five of them; all are socket pairs.
  const [, console, , owner, output, error, control] = child.stdio as unknown as Duplex[];
  owner!.on('error', () => {});
  return {
    process: child,
    console: console!,
    output: output!,
    error: error!,
    control: control!,
    release: () => owner!.destroy(),
  };
}
