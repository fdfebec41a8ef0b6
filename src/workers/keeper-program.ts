/** Finds the program that keeps workers. */
import { join } from 'node:path';
import { WorkerError } from '../errors.js';
import { isProgram } from '../runtime/files.js';
import { packageRoot } from '../sctp/load-addon.js';

const NAME = 'backplane_keeper';

/**
 * The path of the keeper: prebuilt for this platform, else built here.
 * @throws (rejects) WorkerError ERR_KEEPER: there is none; the message holds the command that
 *   builds it.
 */
export async function keeperProgram(root: string = packageRoot()): Promise<string> {
  const candidates = [
    join(root, 'prebuilds', `${process.platform}-${process.arch}`, NAME),
    join(root, 'build', 'Release', NAME),
  ];
  for (const path of candidates) if (await isProgram(path)) return path;
  const message = `no keeper at ${candidates.join(' nor ')}: run "npm run build" in ${root}`;
  throw new WorkerError('ERR_KEEPER', message);
}
