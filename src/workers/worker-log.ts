/** A worker's output on the disk: where it is, and its end. */
import { join } from 'node:path';
import { limits } from '../limits.js';
import { readTail } from '../runtime/files.js';

/** The file that is written at present; full ones have `.1`, `.2` behind it, the newest first. */
export function outputPath(folder: string, worker: string): string {
  return join(folder, 'output', worker);
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
