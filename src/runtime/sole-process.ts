/**
 * One process of a kind on a host, by the kernel's word: a name in the abstract space of Unix
 * sockets belongs to one process, and is free the moment that process has ended, however it did.
 * There is no file to be left behind, and none to be taken over by two at once. The space is that
 * of the network namespace: a container with a network of its own is a host of its own.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';

/** A name that is held. */
export interface SoleProcess {
  /** Gives it back. */
  release(): Promise<void>;
}

/** Who else has the name. */
export interface OtherProcess {
  /** Null where nobody tells. */
  readonly pid: number | null;
}

/** A process that is stopped does not answer; then the kernel is asked. */
const ANSWER_MS = 1000;
/** `sun_path`: padded to its end, a name is the same to every version of Node.js. */
const PATH_BYTES = 108;

/**
 * Takes the name, for as long as this process runs or until it is given back.
 * @returns what is held, or who has it. Throws Node's errors of sockets.
 */
export async function claimSole(name: string): Promise<SoleProcess | OtherProcess> {
  const path = `\0${name}`.padEnd(PATH_BYTES, '.');
  for (;;) {
    const server = await listen(path);
    if (server !== null) return { release: () => closed(server) };
    const pid = await ask(path);
    // Whoever had it has ended meanwhile: it is free.
    if (pid !== 'gone') return { pid: pid ?? (await holderOf(path)) };
  }
}

/** Null: the name is taken. */
function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((client) => {
      client.on('error', () => {});
      client.end(String(process.pid));
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(path, () => resolve(server));
    server.unref();
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** The number of who listens there; null: it does not say. */
function ask(path: string): Promise<number | 'gone' | null> {
  return new Promise((resolve) => {
    let text = '';
    const client = connect(path);
    client.setTimeout(ANSWER_MS, () => client.destroy());
    client.on('data', (data) => {
      text += data.toString('latin1').slice(0, PATH_BYTES);
    });
    client.on('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code === 'ECONNREFUSED' ? 'gone' : null);
    });
    client.on('close', () => resolve(/^[1-9]\d{0,9}$/.test(text) ? Number(text) : null));
  });
}

/** The process that has the socket open, as /proc shows it to its own user and to root. */
async function holderOf(path: string): Promise<number | null> {
  const name = path.replaceAll('\0', '@');
  const table = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  const line = table.split('\n').find((each) => each.endsWith(` ${name}`) && isListening(each));
  const wanted = `socket:[${line?.trim().split(/\s+/)[INODE]}]`;
  const numbers = (await readdir('/proc')).filter((each) => /^\d+$/.test(each));
  for (const number of numbers) {
    const folder = `/proc/${number}/fd`;
    for (const each of await readdir(folder).catch(() => [])) {
      const target = await readlink(`${folder}/${each}`).catch(() => '');
      if (target === wanted) return Number(number);
    }
  }
  return null;
}

/** Columns of /proc/net/unix. */
const FLAGS = 3;
const INODE = 6;
/** `__SO_ACCEPTCON` */
const ACCEPTS = '00010000';

function isListening(line: string): boolean {
  return line.trim().split(/\s+/)[FLAGS] === ACCEPTS;
}
