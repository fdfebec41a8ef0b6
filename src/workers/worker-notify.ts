/**
 * A worker's own side: how a program of Node.js says to its keeper that it is ready and that it
 * lives. Node.js has no Unix datagram sockets, so it takes the keeper's stream.
 */
import { limits } from '../limits.js';
import { type Runtime, systemRuntime } from '../runtime/index.js';
import { connectLines, type LineStream } from '../runtime/line-stream.js';
import { NOTIFY_VARIABLE } from './worker-environment.js';

/** Beats for each time within which one must come. */
const BEATS_PER_WATCH = 3;

/** What a worker says of itself. Keeps no process alive. */
export class WorkerNotify {
  readonly #stream: LineStream;
  readonly #runtime: Runtime;
  readonly #beatEveryMs: number | null;
  #isBeating = false;
  #isClosed = false;

  /** @see workerNotify */
  constructor(stream: LineStream, beatMs: number | null, runtime: Runtime) {
    this.#stream = stream;
    this.#runtime = runtime;
    this.#beatEveryMs = beatMs === null ? null : beatMs / BEATS_PER_WATCH;
  }

  /** Says that it is ready, and beats from now on where its keeper wants that. */
  ready(): void {
    this.#stream.write('READY=1');
    if (this.#isBeating || this.#beatEveryMs === null) return;
    this.#isBeating = true;
    this.#beat(this.#beatEveryMs);
  }

  /** Says that it has begun to stop. */
  stopping(): void {
    this.#stream.write('STOPPING=1');
  }

  /** Says in its own words what it does, for people to see. */
  status(text: string): void {
    this.#stream.write(`STATUS=${text.replaceAll(/\s+/g, ' ').slice(0, STATUS_CHARACTERS)}`);
  }

  /** Says no more. Where beats are wanted, the worker has then stalled. */
  close(): void {
    this.#isClosed = true;
    this.#stream.close();
  }

  #beat(everyMs: number): void {
    if (this.#isClosed) return;
    this.#stream.write('WATCHDOG=1');
    this.#runtime.timers.after(everyMs, () => this.#beat(everyMs), { unref: true });
  }
}

/** A keeper keeps no more of it. */
const STATUS_CHARACTERS = 255;

/**
 * Connects with the keeper of this process, by what stands in its environment; null where that
 * names none. The process alone is meant: the variables are removed, so that children of it do not
 * speak in its name.
 * @throws (rejects) Node's own errors: the keeper that is named does not answer.
 */
export async function workerNotify(
  env: NodeJS.ProcessEnv = process.env,
  runtime: Runtime = systemRuntime,
): Promise<WorkerNotify | null> {
  const path = env[NOTIFY_VARIABLE];
  if (path === undefined || path === '') return null;
  const watchMs = Number(env['WATCHDOG_USEC']) / 1000;
  for (const name of [NOTIFY_VARIABLE, 'NOTIFY_SOCKET', 'WATCHDOG_USEC']) delete env[name];
  const events = { line() {}, closed() {} };
  const stream = await connectLines(path, limits.keeperLineBytes, events, false);
  return new WorkerNotify(stream, watchMs > 0 ? watchMs : null, runtime);
}
