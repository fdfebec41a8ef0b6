/** Puts inputs into one decoder and watches what comes of it. */
import { ProtocolError } from '../../src/errors.js';
import { SeededRandom } from '../random.js';
import { type FuzzedDecoder, INPUT_BYTES } from './decoders.js';
import { differences, photograph } from './intrinsics.js';
import { mutated, randomBytes } from './mutate.js';

/** No input may take longer: the link's thread does nothing else meanwhile. */
export const SLOWEST_MS = 5;

/** Which inputs: their numbers, with the seed, make them. */
export interface InputRange {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** What came of a range of inputs; ranges are added up by `added`. */
export interface DecoderFigures {
  readonly name: string;
  readonly inputs: number;
  readonly accepted: number;
  readonly rejected: number;
  /** The slowest input, by the best of five runs of it. */
  readonly slowestMs: number;
}

export interface DecoderResult extends DecoderFigures {
  readonly violations: readonly string[];
}

/** So many of the slowest inputs are measured again: a pause of the process hits any. */
const SLOWEST_KEPT = 16;
const MEASUREMENTS = 5;
/** A decoder with more violations is broken, and not worth more time. */
const VIOLATIONS_AT_MOST = 5;
const HEX_BYTES_SHOWN = 4096;

/** The input of a number: always the same, so that any can be had again alone. */
export function inputOf(
  decoder: FuzzedDecoder,
  random: SeededRandom,
  seed: number,
  index: number,
): Buffer {
  const { samples, generate, lengthAt } = decoder;
  if (index < samples.length) return Buffer.from(samples[index] as Buffer);
  random.reset(seed, index);
  const kind = random.below(3);
  if (kind === 0 && generate !== undefined) {
    const data = generate(random);
    return random.once(4) ? mutated(random, [data]) : data;
  }
  if (kind === 1 && random.once(2)) {
    return randomBytes(random, random.once(1000) ? INPUT_BYTES : 256);
  }
  const data = mutated(random, samples);
  if (lengthAt !== undefined && data.length >= lengthAt + 4 && random.once(2)) {
    data.writeUInt32BE(data.length, lengthAt);
  }
  return data;
}

/** Runs the inputs of a range; `progress` is told after every 10,000. */
export function runDecoder(
  decoder: FuzzedDecoder,
  range: InputRange,
  progress: (inputs: number) => void = () => {},
): DecoderResult {
  const run = new DecoderRun(decoder, range.seed);
  const before = photograph();
  for (let index = range.from; index < range.to && !run.isGivenUp; index++) {
    run.one(index);
    if ((index - range.from) % 10_000 === 9999) progress(10_000);
  }
  const slowestMs = run.slowestMs();
  for (const change of differences(before, photograph())) run.complain(`changed ${change}`);
  const { accepted, rejected, violations } = run;
  const { name } = decoder;
  return { name, inputs: accepted + rejected, accepted, rejected, slowestMs, violations };
}

class DecoderRun {
  accepted = 0;
  rejected = 0;
  readonly violations: string[] = [];
  readonly #decoder: FuzzedDecoder;
  readonly #seed: number;
  readonly #random = new SeededRandom(0);
  /** The slowest so far, and how long the fastest of them took. */
  readonly #slow: { readonly index: number; readonly ms: number }[] = [];
  #slowFromMs = 0;

  constructor(decoder: FuzzedDecoder, seed: number) {
    this.#decoder = decoder;
    this.#seed = seed;
  }

  get isGivenUp(): boolean {
    return this.violations.length >= VIOLATIONS_AT_MOST;
  }

  complain(what: string): void {
    this.violations.push(`${this.#decoder.name}: ${what} (seed ${this.#seed})`);
  }

  one(index: number): void {
    const data = this.#input(index);
    const startMs = performance.now();
    const error = this.#decode(data);
    const ms = performance.now() - startMs;
    // Once more, as the first time may have been a pause of the process.
    if (ms > this.#slowFromMs) this.#keep(index, Math.min(ms, this.#timeOf(index)));
    if (error === null) this.accepted++;
    else this.rejected++;
    if (error !== null && !(error instanceof ProtocolError)) {
      this.complain(`${String(error)} for input ${index}, ${this.#hex(index)}`);
    }
  }

  /** The time of the slowest input, and a violation when it is too long. */
  slowestMs(): number {
    const measured = this.#slow.map(({ index }) => ({ index, ms: this.#bestOf(index) }));
    const slowest = measured.sort((a, b) => b.ms - a.ms)[0];
    if (slowest === undefined) return 0;
    const ms = Math.round(1000 * slowest.ms) / 1000;
    if (ms > SLOWEST_MS) {
      this.complain(`${ms} ms for input ${slowest.index}, ${this.#hex(slowest.index)}`);
    }
    return ms;
  }

  #input(index: number): Buffer {
    return inputOf(this.#decoder, this.#random, this.#seed, index);
  }

  /** What it threw, or null. */
  #decode(data: Buffer): unknown {
    try {
      this.#decoder.decode(data);
      return null;
    } catch (error) {
      // Anything can be thrown, null too.
      return error ?? 'nothing at all, thrown';
    }
  }

  #keep(index: number, ms: number): void {
    if (ms <= this.#slowFromMs) return;
    this.#slow.push({ index, ms });
    if (this.#slow.length <= SLOWEST_KEPT) return;
    this.#slow.sort((a, b) => b.ms - a.ms).pop();
    this.#slowFromMs = this.#slow.at(-1)?.ms ?? 0;
  }

  #bestOf(index: number): number {
    const times = Array.from({ length: MEASUREMENTS }, () => this.#timeOf(index));
    return Math.min(...times);
  }

  #timeOf(index: number): number {
    // Made anew each time: a decoder may leave something at its input.
    const data = this.#input(index);
    const startMs = performance.now();
    this.#decode(data);
    return performance.now() - startMs;
  }

  #hex(index: number): string {
    const data = this.#input(index);
    const shown = data.toString('hex', 0, HEX_BYTES_SHOWN);
    return `${data.length} bytes: ${shown}${data.length > HEX_BYTES_SHOWN ? '...' : ''}`;
  }
}
