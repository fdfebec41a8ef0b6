/** Child processes that run seeds, one each at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Done, Job } from './jobs.js';
import type { Overlay } from './worker.js';

/** Far longer than any seed takes; a machine that never ends its turn is found by this. */
const JOB_MS = 60_000;

/**
 * They end with this process. One that never ends its turn hears neither a signal nor the end of
 * its channel, and would go on for ever.
 */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** A process that runs one job after the other. */
export class Worker {
  readonly #child: ChildProcess;
  #isOver = false;

  /** @param overlay for a module of this process alone. */
  constructor(overlay: Overlay | null) {
    this.#child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
      // Its machines complain of nothing a person must read here.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--max-semi-space-size=64'],
    });
    living.add(this.#child);
    this.#child.on('exit', () => {
      living.delete(this.#child);
      this.#isOver = true;
    });
    if (overlay !== null) this.#child.send(overlay);
  }

  /** Runs one job. @throws (rejects) an Error when the process ended or does not answer in time. */
  run(job: Job): Promise<Done> {
    return new Promise((resolve, reject) => {
      const child = this.#child;
      const settle = (then: () => void) => {
        clearTimeout(timer);
        child.off('message', answered);
        child.off('exit', ended);
        then();
      };
      const answered = (done: Done) => settle(() => resolve(done));
      const ended = (code: number | null) =>
        settle(() => reject(new Error(`seed ${job.seed}: the process ended with ${code}`)));
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`seed ${job.seed}: no end within ${JOB_MS} ms`)));
        this.end();
      }, JOB_MS);
      if (this.#isOver) return ended(child.exitCode);
      child.once('message', answered);
      child.once('exit', ended);
      child.send(job);
    });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

/**
 * Hands items to `count` lanes, each of which takes the next when it is done with the last.
 *
 * @param makeLane one per lane: handles one item; `close` when there is none left.
 */
export async function inLanes<T>(
  items: readonly T[],
  count: number,
  makeLane: () => { handle(item: T): Promise<void>; close(): void },
): Promise<void> {
  const waiting = [...items].reverse();
  const lane = async () => {
    const { handle, close } = makeLane();
    try {
      for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await handle(item);
    } finally {
      close();
    }
  };
  await Promise.all(Array.from({ length: count }, lane));
}
