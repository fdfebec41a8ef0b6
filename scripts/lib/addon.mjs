/**
 * Builds the addons, the workers' keeper and the library for the lab's guests, in a checkout and in
 * an installed package.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { npmCommand, npmFolder } from './npm-packages.mjs';
import { filesUnder, hashInputs, stampHolds, writeStamp } from './stamp.mjs';
import { SetupError, step } from './tool.mjs';

const STAMP = 'build/addon.stamp.json';
const OUTPUTS = [
  'backplane.node',
  'backplane_lab.node',
  'backplane_keeper',
  'backplane_guest.so',
].map((name) => `build/Release/${name}`);

/**
 * The folder with `include/node` of the running Node, or null when its headers are not there or are
 * those of another version; node-gyp downloads them then.
 */
function headersPrefix() {
  const prefix = dirname(dirname(process.execPath));
  const include = join(prefix, 'include', 'node');
  if (
    !['node_api.h', 'common.gypi', 'config.gypi'].every((name) => existsSync(join(include, name)))
  ) {
    return null;
  }
  const version = readFileSync(join(include, 'node_version.h'), 'utf8');
  const major = /^#define NODE_MAJOR_VERSION (\d+)$/m.exec(version)?.[1];
  return major === process.versions.node.split('.')[0] ? prefix : null;
}

/**
 * node-gyp: the project's own in a checkout; for an installed package whatever its user has, else
 * npm's, which always brings one.
 * @throws SetupError when there is none.
 */
function nodeGyp(root) {
  const npm = npmCommand();
  const places = [join(root, 'package.json'), join(npmFolder(), 'package.json')];
  if (npm.length === 2) places.push(npm[1]);
  for (const place of places) {
    try {
      return createRequire(place).resolve('node-gyp/bin/node-gyp.js');
    } catch {
      // Not reachable from there.
    }
  }
  throw new SetupError('node-gyp was not found: "npm install --no-save node-gyp", then try again');
}

function inputsHash(root) {
  const headers = createRequire(join(root, 'package.json')).resolve('node-addon-api/package.json');
  return hashInputs(root, [...filesUnder(root, 'addon'), 'binding.gyp'], {
    nodeAddonApi: JSON.parse(readFileSync(headers, 'utf8')).version,
    // Not the version of Node: the addons are Node-API, one build serves them all.
    system: `${process.platform}-${process.arch}`,
  });
}

/**
 * Builds them all into build/Release unless they were built from the same sources.
 * @throws SetupError with the compiler's output when that fails.
 */
export async function ensureAddon(root) {
  const inputs = inputsHash(root);
  if (stampHolds(root, STAMP, inputs, OUTPUTS)) return;
  const prefix = headersPrefix();
  const gyp = [process.execPath, nodeGyp(root)];
  const flags = prefix === null ? [] : [`--nodedir=${prefix}`];
  const jobs = `--jobs=${availableParallelism()}`;
  await step('addon: configure', [...gyp, 'configure', ...flags], { cwd: root });
  await step('addon: compile', [...gyp, 'build', jobs, ...flags], { cwd: root });
  if (!writeStamp(root, STAMP, inputs, OUTPUTS)) {
    throw new SetupError(`node-gyp said nothing, but ${OUTPUTS.join(', ')} is not there`);
  }
}
