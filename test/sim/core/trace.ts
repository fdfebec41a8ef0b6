/**
 * What happened, as a hash that two runs of one seed must share, and as the last lines before a
 * failure.
 */
import { hashText } from '../../random.js';

/** Lines kept of a run that is told in words. */
const LINES = 60;

/** Where the numbers of a time are, bit by bit. */
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

export class Trace {
  /** Inputs to machines so far. */
  events = 0;
  #low = 0x811c9dc5;
  #high = 0x01000193;
  readonly #lines: string[] = [];
  readonly #kinds = new Map<string, number>();
  readonly #isVerbose: boolean;

  /** @param isVerbose keeps the last lines; without it only the hash is kept, which is cheaper. */
  constructor(isVerbose: boolean) {
    this.#isVerbose = isVerbose;
  }

  /** Two 32-bit hashes in hex. */
  get hash(): string {
    return [this.#high, this.#low]
      .map((half) => (half >>> 0).toString(16).padStart(8, '0'))
      .join('');
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** One input to one machine. */
  event(nowMs: number, kind: string, where: string, a = 0, b = 0, c = 0): void {
    this.events++;
    this.note(nowMs, kind, where, a, b, c);
  }

  /** Something that followed from an input: in the hash and the lines, not in the count. */
  note(nowMs: number, kind: string, where: string, a = 0, b = 0, c = 0): void {
    float[0] = nowMs;
    this.#mix(words[0] as number);
    this.#mix(words[1] as number);
    this.#mix(this.#kindOf(kind));
    this.#mix(this.#kindOf(where));
    this.#mix(a);
    this.#mix(b);
    this.#mix(c);
    if (!this.#isVerbose) return;
    this.#lines.push(`${nowMs.toFixed(3).padStart(10)} ${where.padEnd(12)} ${kind} ${a} ${b} ${c}`);
    if (this.#lines.length > LINES) this.#lines.shift();
  }

  /** Mixes bytes in: all of few, a sample of many. */
  bytes(data: Uint8Array): void {
    const stride = Math.max(1, data.length >>> 5);
    for (let at = 0; at < data.length; at += stride) this.#mix(data[at] as number);
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ value ^ (this.#low >>> 15), 0x85ebca6b);
  }

  #kindOf(text: string): number {
    let kind = this.#kinds.get(text);
    if (kind === undefined) {
      kind = hashText(text);
      this.#kinds.set(text, kind);
    }
    return kind;
  }
}
