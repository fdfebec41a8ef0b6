/** Finds the program that keeps workers. */
import { WorkerError } from '../errors.js';
import { isProgram } from '../runtime/files.js';
import { builtCandidates, packageRoot } from '../sctp/load-addon.js';

/**
 * The path of the keeper: prebuilt for this platform, else built here.
 * @throws (rejects) WorkerError ERR_KEEPER: there is none; the message holds the command that
 *   builds it.
 */
export async function keeperProgram(root: string = packageRoot()): Promise<string> {
  const candidates = builtCandidates('backplane_keeper', root);
  for (const path of candidates) if (await isProgram(path)) return path;
  const message = `no keeper at ${candidates.join(' nor ')}: run "npm run build" in ${root}`;
  throw new WorkerError('ERR_KEEPER', message);
}
