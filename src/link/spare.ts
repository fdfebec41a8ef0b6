/**
 * Memory of large messages, used again. New memory for each of them is what makes V8 collect all
 * garbage once per 64 MiB, and a collection stops the process and the small calls beside such
 * bodies (`bench bulk`). Taking the memory out of the hands of whoever has it still, by a transfer,
 * would count as new memory, too.
 */

/** How often each memory was given back. */
const lives = new WeakMap<ArrayBufferLike, number>();

/** Another number than before: the memory was given back meanwhile, and may hold anything. */
export function lifeOf({ buffer }: Uint8Array): number {
  return lives.get(buffer) ?? 0;
}

export class Spare {
  /** Weak: a garbage collection takes it when nothing more has come for it. */
  #memory: WeakRef<ArrayBufferLike> | null = null;

  /** Memory for so many bytes, with anything in it. */
  take(bytes: number): Buffer {
    const memory = this.#memory?.deref();
    // A small message would keep a large one's memory from the next large one.
    const isFit = memory !== undefined && memory.byteLength >= bytes;
    if (!isFit || memory.byteLength > 2 * bytes) return Buffer.allocUnsafeSlow(bytes);
    this.#memory = null;
    return Buffer.from(memory, 0, bytes);
  }

  /** Nobody needs what is in it any more. */
  give(data: Buffer): void {
    lives.set(data.buffer, lifeOf(data) + 1);
    this.#memory = new WeakRef(data.buffer);
  }
}
