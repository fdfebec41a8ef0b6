/** A worker's output on the disk: where it is, and its end. */
import { join } from 'node:path';
import { limits } from '../limits.js';
import { readTail } from '../runtime/files.js';
import type { Runtime, Timers } from '../runtime/index.js';
import { Tail } from '../runtime/tail.js';

/** Where a worker's output is. */
export function outputFolder(folder: string, worker: string): string {
  return join(folder, 'output', worker);
}

/** The file that is written at present; full ones have `.1`, `.2` behind it, the newest first. */
export function outputPath(folder: string, worker: string): string {
  return join(outputFolder(folder, worker), 'log');
}

/**
 * The last bytes of a worker's output, of files that are full, too. It begins with a whole line,
 * unless all of it is within one.
 */
export async function readOutput(folder: string, worker: string, bytes: number): Promise<string> {
  const path = outputPath(folder, worker);
  const pieces: Buffer[] = [];
  let left = Math.min(bytes, limits.workerLogMostBytes);
  for (let i = 0; left > 0 && i <= limits.workerOutputFiles; i++) {
    const piece = await readTail(i === 0 ? path : `${path}.${i}`, left);
    if (i > 0 && piece.length === 0) break;
    pieces.unshift(piece);
    left -= piece.length;
  }
  const text = Buffer.concat(pieces).toString();
  const end = text.indexOf('\n');
  // Cut where the bytes ran out.
  return left > 0 || end < 0 || end === text.length - 1 ? text : text.slice(end + 1);
}

/**
 * The last bytes of the file that a worker's output is in at present, from the beginning of a line,
 * and then what it puts out, in pieces, until the signal is aborted. What is rotated away while
 * nobody looks is passed over.
 */
export async function* followOutput(
  folder: string,
  worker: string,
  { timers }: Runtime,
  signal: AbortSignal,
  lastBytes: number,
): AsyncGenerator<string, void> {
  const tail = new Tail(outputPath(folder, worker));
  const decoder = new TextDecoder();
  try {
    const keepBytes = Math.min(lastBytes, limits.workerLogBytes);
    let isCut = (await tail.passOver(keepBytes)) && keepBytes > 0;
    while (!signal.aborted) {
      const piece = await tail.more(limits.workerLogBytes);
      if (piece.length === 0) await aMoment(timers, signal);
      else yield decoder.decode(isCut ? fromLine(piece) : piece, { stream: true });
      isCut = false;
    }
  } finally {
    await tail.close();
  }
}

/** What begins with a line; all of it, where there is none. */
function fromLine(piece: Buffer): Buffer {
  const end = piece.indexOf('\n');
  return end < 0 || end === piece.length - 1 ? piece : piece.subarray(end + 1);
}

/** Until it is worth looking again, or the signal is aborted. */
function aMoment(timers: Timers, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = timers.after(limits.workerFollowMs, done);
    signal.addEventListener('abort', done);
  });
}
