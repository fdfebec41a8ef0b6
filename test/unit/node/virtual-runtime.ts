/** A process whose time a test moves, and whose randomness comes from a seed. */
import { VirtualProcess } from '../../../src/testing/virtual-process.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';

export class VirtualRuntime extends VirtualProcess {
  readonly #time: VirtualTime;

  constructor(seed = 1) {
    const time = new VirtualTime();
    super({ name: 'test', time, random: new SeededRandom(seed) });
    this.#time = time;
  }

  /** Lets `durationMs` pass: every timer on its time, and all promises settled in between. */
  run(durationMs: number): Promise<void> {
    return this.#time.advance(durationMs);
  }
}
