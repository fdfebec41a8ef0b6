/** Where a scenario's recordings go. */
import * as path from 'node:path';

/** Tells the program that begins again in a guest which folder its first beginning chose. */
const FOLDER_VARIABLE = 'BACKPLANE_RECORDING';

/**
 * A new folder's absolute path below `parent`, named by scenario and time; the same in the guest as
 * outside.
 */
export function recordingFolder(parent: string, scenario: string): string {
  const chosen = process.env[FOLDER_VARIABLE];
  if (chosen !== undefined) return chosen;
  const stamp = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '');
  const folder = path.resolve(parent, `${scenario}-${stamp}`);
  process.env[FOLDER_VARIABLE] = folder;
  if (process.stderr.isTTY) process.env['BACKPLANE_REDRAW'] = '1';
  return folder;
}
