/**
 * A worker that enters a state and ends there as its data says, or is busy in it until somebody
 * terminates it. Posts 'there' in the state.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { busy } from './busy.js';
import { type Ending, endHere } from './endings.js';
import { stateNamed } from './states.js';

const { state, ending } = workerData as { state: string; ending: Ending['name'] | 'busy' };

/** Stands still for ever, wherever it is called from; termination gets through. */
function standStill(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const enterBusy = busy[state];
const there = () => parentPort?.postMessage('there');
if (ending === 'busy' && enterBusy !== undefined) {
  enterBusy(there);
} else {
  stateNamed(state).enter(() => {
    there();
    if (ending === 'terminate' || ending === 'outlive') standStill();
    else endHere(ending as Ending['name']);
  });
}
