/**
 * Boots one guest, runs one job in it, carries its output and exit code out, and leaves nothing
 * behind.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, statfsSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { LabError } from '../../errors.js';
import { limits } from '../../limits.js';
import { builtCandidates, packageRoot } from '../../sctp/load-addon.js';
import { type GuestJob, initScript } from './init-script.js';
import { idlestProcessor } from './processor.js';
import { startWarden, type Warden, type WardenOptions } from './warden.js';

/** What a guest is to run, and what it may do. */
export interface GuestOptions {
  /** Program (absolute path) and its arguments. */
  readonly argv: readonly string[];
  /** Working directory, on the host as in the guest. Default: this process's. */
  readonly cwd?: string;
  /**
   * Further variables for the job, besides the short list that is passed on (see
   * `passedVariables`).
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Directories of the host which the job may write to; made where missing. All else is read-only
   * or scratch.
   */
  readonly writable?: readonly string[];
  /**
   * A file of the host that holds a file system of the kind ext4: the guest has it as a block
   * device, and the job finds it mounted at `guestDisk`. One guest has it at a time. What was
   * flushed in the guest is in the file, and on the host's own disk; what was not is so when the
   * guest's kernel likes.
   */
  readonly disk?: string;
  /**
   * Aborted, it ends the guest as a power cut does: its processes are killed, and nothing in it is
   * told. The result is that of SIGKILL; what the job had said until then has been carried out.
   */
  readonly power?: AbortSignal;
  /** Memory of the guest in MiB; taken from the host as it is used. Default 2048. */
  readonly memoryMiB?: number;
  /**
   * 'one' (default): it stays on the processor of the host that idles most when it starts, where a
   * system call in it costs half as much or less. 'any': wherever the host's scheduler puts it.
   */
  readonly processors?: 'one' | 'any';
  /** Longest time of the boot, in milliseconds. Default 30 s. */
  readonly bootDeadlineMs?: number;
  /** Longest time of boot and job together, in milliseconds. Default: none. */
  readonly deadlineMs?: number;
  /** Where the job's output goes as it comes. Defaults: this process's own. They are not ended. */
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

/** How a job ended. */
export interface JobResult {
  /** The job's exit code; 128 + the signal's number where one ended it early. */
  readonly exitCode: number;
  /** The signal to this process that ended the job early; SIGKILL: `power` was cut; or null. */
  readonly signal: NodeJS.Signals | null;
}

/** What a guest needs of a Debian system, by package. */
const NEEDS: ReadonlyArray<{ readonly program: string; readonly package: string }> = [
  { program: 'linux.uml', package: 'user-mode-linux' },
  { program: 'modprobe', package: 'kmod' },
  { program: 'ip', package: 'iproute2' },
];

const PASSED = /^(BACKPLANE_\w+|LANG|LC_\w+|TZ|TERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|DEBUG)$/;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Enough of the guest's console to tell why it did not boot. */
const CONSOLE_BYTES = 16 * 1024;

/** Where programs may lie: /sbin counts even where an ordinary user's PATH leaves it out. */
function programFolders(): string[] {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...path, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
}

function findProgram(name: string, folders: readonly string[]): string | null {
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? null;
}

/** Debian packages that a guest needs and that are missing here. Empty: `runGuest` can work. */
export function missingPackages(folders: readonly string[] = programFolders()): readonly string[] {
  const missing = NEEDS.filter((need) => findProgram(need.program, folders) === null);
  return missing.map((need) => need.package);
}

/** The variables of `env` that a job in the guest gets to see. */
export function passedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && PASSED.test(name)) passed[name] = value;
  }
  return passed;
}

/**
 * Where the guest's memory file goes: a tmpfs is much faster than a disk, but /dev/shm may be
 * missing (a plain chroot), small or without execute permission (both usual in containers).
 */
function memoryFolder(memoryMiB: number): string {
  const folder = '/dev/shm';
  try {
    const mount = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .findLast((fields) => fields[1] === folder);
    const { bavail, bsize } = statfsSync(folder);
    const fits = bavail * bsize >= memoryMiB * 1024 * 1024;
    if (mount?.[2] === 'tmpfs' && !mount[3]!.split(',').includes('noexec') && fits) return folder;
  } catch {
    // Not there, or not readable: the ordinary folder it is.
  }
  return tmpdir();
}

/** The real path, which must have no comma: mount(8) and the kernel's `ubd0=` part words there. */
function plainPath(file: string): string {
  const path = realpathSync(file);
  if (!/[,\n]/.test(path)) return path;
  throw new LabError('ERR_ARGUMENT', `no comma in the path of a folder or a disk: ${path}`);
}

/** The directories as real paths, made where missing. */
function writableFolders(folders: readonly string[]): string[] {
  return folders.map((folder) => {
    mkdirSync(folder, { recursive: true });
    return plainPath(folder);
  });
}

/** The path of a disk, which has to be there. */
function diskPath(file: string | undefined): string | null {
  if (file === undefined) return null;
  if (!existsSync(file)) throw new LabError('ERR_ARGUMENT', `there is no disk ${file}`);
  return plainPath(file);
}

/** What makes the guest's kernel run on hosts with AMX (addon/guest/preload.c says how). */
function preloadedLibrary(root: string = packageRoot()): string {
  const library = builtCandidates('backplane_guest.so', root).find((file) => existsSync(file));
  if (library !== undefined) return library;
  throw new LabError('ERR_ADDON_MISSING', `no library for guests: run "npm run build" in ${root}`);
}

function start(options: WardenOptions): Warden {
  try {
    return startWarden(options);
  } catch (cause) {
    throw new LabError('ERR_LAB', `no guest can be started: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Collects the last bytes of a stream. */
function tail(stream: Readable, bytes: number): () => string {
  let kept = Buffer.alloc(0);
  stream.on('data', (data: Buffer) => {
    kept = Buffer.concat([kept, data]).subarray(-bytes);
  });
  return () => kept.toString().trim();
}

/** Copies as it comes, at the pace of the slower one; resolves at the end of `from`. */
function carry(from: Readable, to: Writable): Promise<void> {
  from.pipe(to, { end: false });
  return new Promise((resolve) => {
    from.once('close', resolve);
  });
}

/** Calls `word` for each line on the control line. */
function listen(control: Readable, word: (kind: string, rest: string) => void): void {
  let text = '';
  control.on('data', (data: Buffer) => {
    text += data.toString();
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const [, kind, rest] = /^(\S*) ?(.*?)\r?$/.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 1);
      word(kind ?? '', rest ?? '');
    }
  });
}

/** Why a guest ends, as far as this side knows. */
interface Ending {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  error: LabError | null;
}

/** Follows the guest's words, the signals and the deadlines until one of them ends it. */
function follow(warden: Warden, options: GuestOptions): { ending: Ending; stop(): void } {
  const ending: Ending = { exitCode: null, signal: null, error: null };
  let over = false;
  const end = (change: Partial<Ending>) => {
    if (over) return;
    over = true;
    Object.assign(ending, change);
    warden.release();
  };
  const late = (what: string, ms: number) =>
    setTimeout(() => {
      end({ error: new LabError('ERR_TIMEOUT', `the guest did not ${what} within ${ms} ms`) });
    }, ms);
  const { bootDeadlineMs = limits.guestBootMs, deadlineMs } = options;
  const boot = late('boot', bootDeadlineMs);
  const job = deadlineMs === undefined ? undefined : late('end', deadlineMs);
  const onSignal = (signal: NodeJS.Signals) => {
    end({ signal });
    // Whoever reads our output may have stopped; the end does not wait for him.
    warden.output.destroy();
    warden.error.destroy();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const cut = () => end({ signal: 'SIGKILL' });
  options.power?.addEventListener('abort', cut);
  if (options.power?.aborted === true) cut();
  listen(warden.control, (word, rest) => {
    if (word === 'up') clearTimeout(boot);
    else if (word === 'exit') end({ exitCode: Number(rest) });
    else if (word === 'fail') {
      end({ error: new LabError('ERR_LAB', `the guest could not be set up: ${rest}`) });
    }
  });
  // The kernel ended by itself; nothing but a crash does that.
  warden.control.once('close', () => end({ error: new LabError('ERR_LAB', 'the guest crashed') }));
  const stop = () => {
    clearTimeout(boot);
    clearTimeout(job);
    options.power?.removeEventListener('abort', cut);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  return { ending, stop };
}

/**
 * Boots a guest and runs a job in it. While it runs, SIGINT, SIGTERM and SIGHUP to this process end
 * the guest and come back as the result; when it resolves, no process and no file of the guest is
 * left.
 * @throws LabError ERR_LAB (packages missing: the message holds the command; boot failed: it holds
 *   the console's last lines), ERR_TIMEOUT (boot or deadline), ERR_ARGUMENT (a folder that cannot
 *   be mounted, no such disk, a bad name of a variable), ERR_ADDON_MISSING (nothing was built).
 */
export async function runGuest(options: GuestOptions): Promise<JobResult> {
  const missing = missingPackages();
  if (missing.length > 0) {
    throw new LabError(
      'ERR_LAB',
      'this kernel has no SCTP, and the guest that has it needs packages: ' +
        `apt-get install -y ${missing.join(' ')}`,
    );
  }
  const memoryMiB = options.memoryMiB ?? 2048;
  const job: GuestJob = {
    argv: options.argv,
    cwd: realpathSync(options.cwd ?? process.cwd()),
    env: { ...passedVariables(process.env), ...options.env },
    writable: writableFolders(options.writable ?? []),
    hasDisk: options.disk !== undefined,
  };
  const wrong = Object.keys(job.env).find((name) => !/^[A-Za-z_]\w*$/.test(name));
  if (wrong !== undefined) throw new LabError('ERR_ARGUMENT', `no name for a variable: ${wrong}`);
  const warden = start({
    init: initScript(job),
    memory: `${memoryMiB}M`,
    memoryFolder: memoryFolder(memoryMiB),
    scratchFolder: tmpdir(),
    kernel: findProgram('linux.uml', programFolders())!,
    preload: preloadedLibrary(),
    processor: options.processors === 'any' ? null : await idlestProcessor(),
    disk: diskPath(options.disk),
  });
  const { ending, stop } = follow(warden, options);
  const consoleTail = tail(warden.console, CONSOLE_BYTES);
  const done = new Promise<void>((resolve, reject) => {
    warden.process.once('close', () => resolve());
    warden.process.once('error', reject);
  });
  try {
    await Promise.all([
      carry(warden.output, options.stdout ?? process.stdout),
      carry(warden.error, options.stderr ?? process.stderr),
      done,
    ]);
  } finally {
    stop();
  }
  if (ending.signal !== null) {
    return { exitCode: 128 + constants.signals[ending.signal], signal: ending.signal };
  }
  if (ending.exitCode !== null) return { exitCode: ending.exitCode, signal: null };
  const { code, message } = ending.error!;
  throw new LabError(code, `${message}; its console:\n${consoleTail()}`);
}
