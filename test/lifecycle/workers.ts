/** Workers that are terminated in mid-call. */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { SeededRandom } from '../random.js';
import { busy } from './busy.js';
import type { Ending } from './endings.js';
import { states } from './states.js';

/** The program of every worker. */
export const workerUrl = new URL('./worker.js', import.meta.url);

interface Life {
  readonly state: string;
  readonly ending: Ending['name'] | 'busy';
}

/** Everything a worker can be at when it is terminated. */
const lives: readonly Life[] = [
  ...Object.keys(busy).map((state): Life => ({ state, ending: 'busy' })),
  ...states.map(({ name }): Life => ({ state: name, ending: 'terminate' })),
];

const CONCURRENT_WORKERS = 2;
/** Turns of this thread's loop that a busy worker goes on for, at most. */
const MOST_TURNS = 30;

/**
 * Starts one worker, waits until it is at it, and terminates it.
 * @throws what the worker threw, and Error when it ended by itself.
 */
async function terminate(life: Life, random: SeededRandom): Promise<void> {
  const worker = new Worker(workerUrl, { workerData: life });
  // Also rejects with the worker's own error.
  await Promise.race([
    once(worker, 'message'),
    once(worker, 'exit').then(([code]) => {
      throw new Error(`a worker "${life.state}" ended by itself with ${code}`);
    }),
  ]);
  if (life.ending === 'busy') for (let i = random.below(MOST_TURNS); i > 0; i--) await turn();
  await worker.terminate();
}

/**
 * Terminates `count` workers, a few at a time.
 * @param first Number of the first one: what they are at goes by their numbers, each in turn.
 * @param state What all of them are busy with instead.
 */
export async function terminateSome(
  first: number,
  count: number,
  random: SeededRandom,
  state?: string,
): Promise<void> {
  let next = first;
  const lane = async () => {
    while (next < first + count) {
      const life = lives[next++ % lives.length]!;
      await terminate(state === undefined ? life : { state, ending: 'busy' }, random);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_WORKERS }, lane));
}
