/** A file that somebody else writes at its end, puts aside when it is full, and begins anew. */
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

/** Reads what is added to it. */
export class Tail {
  readonly #path: string;
  #file: FileHandle | null = null;
  #inode = 0n;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Passes over what is there already, but for the last bytes of it.
   * @returns Whether it passed over anything.
   */
  async passOver(keepBytes: number): Promise<boolean> {
    if (!(await this.#open())) return false;
    const { size } = await (this.#file as FileHandle).stat();
    this.#offset = Math.max(0, size - keepBytes);
    return this.#offset > 0;
  }

  /** What was added, at most so much; empty: nothing. Throws Node's file errors. */
  async more(bytes: number): Promise<Buffer> {
    if (this.#file === null && !(await this.#open())) return Buffer.alloc(0);
    const rest = await this.#read(bytes);
    if (rest.length > 0 || !(await this.#isPutAside())) return rest;
    // What came between the last look and its being put aside.
    const last = await this.#read(bytes);
    if (last.length > 0) return last;
    await this.close();
    return (await this.#open()) ? this.#read(bytes) : Buffer.alloc(0);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #open(): Promise<boolean> {
    try {
      this.#file = await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return false;
    }
    this.#inode = (await this.#file.stat({ bigint: true })).ino;
    this.#offset = 0;
    return true;
  }

  async #read(bytes: number): Promise<Buffer> {
    const buffer = Buffer.alloc(bytes);
    const file = this.#file as FileHandle;
    const { bytesRead } = await file.read(buffer, 0, bytes, this.#offset);
    this.#offset += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  async #isPutAside(): Promise<boolean> {
    try {
      return (await stat(this.#path, { bigint: true })).ino !== this.#inode;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return false;
    }
  }
}
