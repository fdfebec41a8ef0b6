/**
 * What runs under the sanitizers, one process per call:
 *
 *     program.js run OPENED WORKERS SEED     opens and closes beside workers; prints its figures
 *     program.js terminate STATE WORKERS     terminates workers that are busy so
 *     program.js end STATE ENDING            enters a state and ends there
 */
import { Worker } from 'node:worker_threads';
import { SeededRandom } from '../random.js';
import { endHere, endingNamed } from './endings.js';
import { openAndTerminate } from './open-and-terminate.js';
import { stateNamed } from './states.js';
import { terminateSome, workerUrl } from './workers.js';

async function run(opened: number, workers: number, seed: number): Promise<void> {
  const figures = await openAndTerminate({ opened, workers, seed });
  console.log(JSON.stringify(figures));
}

function end(stateName: string, endingText: string): void {
  const { name, inWorker } = endingNamed(endingText);
  const state = stateNamed(stateName);
  if (!inWorker) {
    state.enter(() => {
      // Whoever started this wants to know that the state was reached.
      process.stdout.write('there\n');
      endHere(name);
    });
    return;
  }
  const worker = new Worker(workerUrl, { workerData: { state: stateName, ending: name } });
  worker.on('message', () => {
    process.stdout.write('there\n');
    if (name === 'terminate') void worker.terminate();
    if (name === 'outlive') process.exit(0);
  });
  worker.on('error', (error) => {
    if (name !== 'throw') throw error;
  });
}

const [mode, ...args] = process.argv.slice(2);
if (mode === 'run') await run(Number(args[0]), Number(args[1]), Number(args[2]));
else if (mode === 'terminate') {
  await terminateSome(0, Number(args[1]), new SeededRandom(1), args[0]);
} else end(args[0] ?? '', args[1] ?? '');
