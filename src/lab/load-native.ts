/** Finds and checks the lab's addon. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { LabError } from '../errors.js';
import { builtCandidates, packageRoot } from '../sctp/load-addon.js';
import { LAB_CONTRACT, type NativeLab } from './native.js';

let loaded: NativeLab | null = null;

/**
 * The lab's addon, loaded at the first call.
 * @throws LabError ERR_ADDON_MISSING when there is none or it was built for another version; the
 *   message holds the command that builds it.
 */
export function loadLabAddon(): NativeLab {
  if (loaded !== null) return loaded;
  const root = packageRoot();
  const remedy = `run "npm run build" in ${root}`;
  const path = builtCandidates('backplane_lab.node', root).find((file) => existsSync(file));
  if (path === undefined) throw new LabError('ERR_ADDON_MISSING', `no lab addon: ${remedy}`);
  let addon: NativeLab;
  try {
    addon = createRequire(import.meta.url)(path) as NativeLab;
  } catch (cause) {
    const message = `the lab addon ${path} does not load: ${remedy}`;
    throw new LabError('ERR_ADDON_MISSING', message, { cause });
  }
  if (addon.contract !== LAB_CONTRACT) {
    throw new LabError(
      'ERR_ADDON_MISSING',
      `the lab addon ${path} is of another version: ${remedy}`,
    );
  }
  loaded = addon;
  return addon;
}
