/**
 * What was made from what. A stamp is a file beside the outputs with a hash of the inputs' contents
 * and the outputs' size and time: it goes when the outputs' folder goes, and holds no longer when
 * any of them was removed or altered.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * All files under `folder` of `root`, as paths from `root`, sorted; none where there is no such
 * folder.
 */
export function filesUnder(root, folder) {
  const files = [];
  let entries = [];
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...filesUnder(root, path));
    else files.push(path);
  }
  return files.sort();
}

/**
 * A hash of names and contents of `files` and of whatever else decides the outputs (`others`, as
 * JSON).
 */
export function hashInputs(root, files, others = {}) {
  const hash = createHash('sha256').update(JSON.stringify(others));
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Size and time of each output; null when one is missing. */
function describeOutputs(root, outputs) {
  const lines = [];
  for (const output of outputs) {
    const stat = statSync(join(root, output), { throwIfNoEntry: false });
    if (stat === undefined) return null;
    lines.push(`${output} ${stat.size} ${stat.mtimeMs}`);
  }
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** Whether `outputs` are those that were made from these inputs. */
export function stampHolds(root, stampFile, inputs, outputs) {
  let stamp;
  try {
    stamp = JSON.parse(readFileSync(join(root, stampFile), 'utf8'));
  } catch {
    return false;
  }
  return stamp.inputs === inputs && stamp.outputs === describeOutputs(root, outputs);
}

/**
 * Notes that `outputs` were made from these inputs. False when an output is missing: nothing is
 * noted then.
 */
export function writeStamp(root, stampFile, inputs, outputs) {
  const described = describeOutputs(root, outputs);
  if (described === null) return false;
  mkdirSync(dirname(join(root, stampFile)), { recursive: true });
  writeFileSync(join(root, stampFile), `${JSON.stringify({ inputs, outputs: described })}\n`);
  return true;
}
