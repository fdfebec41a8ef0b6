/**
 * A file that someone else writes within, and that is given its room beforehand: who writes where
 * there is room already cannot be told in the middle of it that the disk is full.
 */
import { constants, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const PIECE_BYTES = 1024 * 1024;

/** An open file that grows at its end only, by zeros. */
export class RoomyFile {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens it for writing; it has to be there. Throws Node's file errors. */
  static async open(path: string): Promise<RoomyFile> {
    return new RoomyFile(await open(path, 'r+'));
  }

  /** Makes it where it is not there, for its owner alone, and gives it at least so much room. */
  static async reserve(path: string, bytes: number): Promise<void> {
    const file = new RoomyFile(await open(path, constants.O_RDWR | constants.O_CREAT, 0o600));
    try {
      await file.growTo(bytes);
    } finally {
      await file.close();
    }
  }

  /** Its length now, and whether it is a file at all. */
  async status(): Promise<{ readonly bytes: number; readonly isRegular: boolean }> {
    const status = await this.#handle.stat();
    return { bytes: status.size, isRegular: status.isFile() };
  }

  /** `length` bytes from `offset`; fewer where it ends. */
  read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(this.#handle.fd, bytes, filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  }

  /**
   * Makes it at least this long, on the disk, not only as a promise of the file system. When that
   * fails it has the length it had.
   */
  async growTo(bytes: number): Promise<void> {
    const before = (await this.#handle.stat()).size;
    if (before >= bytes) return;
    try {
      for (let at = before; at < bytes; ) {
        const zeros = Buffer.alloc(Math.min(PIECE_BYTES, bytes - at));
        const { bytesWritten } = await this.#handle.write(zeros, 0, zeros.length, at);
        at += bytesWritten;
      }
      await this.#handle.datasync();
    } catch (error) {
      await this.#handle.truncate(before);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
