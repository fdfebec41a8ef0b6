/** Records messages by number and time, cheaply enough to stand in the path that it measures. */
import { writeFile } from 'node:fs/promises';
import { LabError } from '../../errors.js';

/**
 * First line of a recording's file; one line per message follows, in the order in which they were
 * recorded.
 */
export const recordingHeader = 'number,timeNs';

/** What was recorded, in order: message i has number `numbers[i]` and was seen at `timesNs[i]`. */
export interface Recording {
  readonly numbers: Uint32Array;
  /**
   * Nanoseconds on the clock of `process.hrtime.bigint`, which all processes on one kernel share.
   */
  readonly timesNs: BigInt64Array;
}

/** One side of a run: all messages that were sent, or all that were received. */
export class Recorder implements Recording {
  readonly #numbers: Uint32Array;
  readonly #timesNs: BigInt64Array;
  #count = 0;

  /** @param maxMessages room is taken now, 12 bytes each. */
  constructor(maxMessages: number) {
    this.#numbers = new Uint32Array(maxMessages);
    this.#timesNs = new BigInt64Array(maxMessages);
  }

  get count(): number {
    return this.#count;
  }

  get numbers(): Uint32Array {
    return this.#numbers.subarray(0, this.#count);
  }

  get timesNs(): BigInt64Array {
    return this.#timesNs.subarray(0, this.#count);
  }

  /**
   * Notes that the message with this number (unsigned, 32 bits) was sent, or received, now or at
   * `atNs`.
   * @throws LabError ERR_LAB when there is no room left: a recording is whole or none.
   */
  record(number: number, atNs: bigint = process.hrtime.bigint()): void {
    if (this.#count === this.#numbers.length) {
      throw new LabError('ERR_LAB', `the recording is full: ${this.#count} messages`);
    }
    this.#numbers[this.#count] = number;
    this.#timesNs[this.#count] = atNs;
    this.#count++;
  }

  /** Writes a CSV file that `readRecording` reads: `number,timeNs`. */
  async save(file: string): Promise<void> {
    const lines = [recordingHeader];
    for (let i = 0; i < this.#count; i++) lines.push(`${this.#numbers[i]},${this.#timesNs[i]}`);
    await writeFile(file, `${lines.join('\n')}\n`);
  }
}
