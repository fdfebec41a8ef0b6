/** Reads a recording's file back. */
import { readFile } from 'node:fs/promises';
import { LabError } from '../../errors.js';
import { type Recording, recordingHeader } from './recorder.js';

/**
 * The recording in a file that `Recorder.save` wrote.
 * @throws LabError ERR_LAB when it is not one, or was cut short.
 */
export async function readRecording(file: string): Promise<Recording> {
  const [header, ...lines] = (await readFile(file, 'utf8')).split('\n');
  const bad = (line: number) =>
    new LabError('ERR_LAB', `${file} is not a whole recording: line ${line}`);
  if (header !== recordingHeader) throw bad(1);
  if (lines.pop() !== '') throw bad(lines.length + 2);
  const numbers = new Uint32Array(lines.length);
  const timesNs = new BigInt64Array(lines.length);
  for (const [i, line] of lines.entries()) {
    const match = /^(\d{1,10}),(\d{1,19})$/.exec(line);
    if (match === null) throw bad(i + 2);
    numbers[i] = Number(match[1]);
    timesNs[i] = BigInt(match[2]!);
  }
  return { numbers, timesNs };
}
