/**
 * Memory of large messages, used again. New memory for each of them is what makes V8 collect
 * everything once per 64 MiB, and a collection stops the process: measured beside such bodies in
 * `bench bulk`, small calls wait three times as long for it.
 */
export class Spare {
  /** Weak: a garbage collection takes it when nothing more has come for it. */
  #memory: WeakRef<ArrayBuffer> | null = null;

  /** Memory for so many bytes, with anything in it. */
  take(bytes: number): Buffer {
    const memory = this.#memory?.deref();
    // A small message would keep a large one's memory from the next large one.
    const isFit = memory !== undefined && memory.byteLength >= bytes;
    if (!isFit || memory.byteLength > 2 * bytes) return Buffer.allocUnsafeSlow(bytes);
    this.#memory = null;
    return Buffer.from(memory, 0, bytes);
  }

  /** Nobody needs it any more. Whoever still has a view of it has an empty one from here on. */
  give(data: Buffer): void {
    const memory = data.buffer as ArrayBuffer;
    this.#memory = new WeakRef(structuredClone(memory, { transfer: [memory] }));
  }
}
