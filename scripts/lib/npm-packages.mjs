/** The npm packages of package-lock.json. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { step } from './tool.mjs';

/**
 * The command that starts npm: the one that runs us, else the one beside this Node, else the one in
 * PATH.
 */
export function npmCommand() {
  const running = process.env.npm_execpath;
  if (running !== undefined && basename(running) === 'npm-cli.js' && existsSync(running)) {
    return [process.execPath, running];
  }
  const bundled = join(npmFolder(), 'bin', 'npm-cli.js');
  return existsSync(bundled) ? [process.execPath, bundled] : ['npm'];
}

/** Where npm lies in a Node of nodejs.org and in most packages of it. */
export function npmFolder() {
  return join(dirname(dirname(process.execPath)), 'lib', 'node_modules', 'npm');
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}

/**
 * Whether node_modules holds what package-lock.json says. npm keeps its own record of what it
 * installed; the folders are looked at too, because the record does not notice their removal.
 */
export function packagesInstalled(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null || installed === null) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    // Optional packages for other systems are in the lock and not on the disk.
    if (found === undefined) return entry.optional === true;
    return (
      found.version === entry.version &&
      found.integrity === entry.integrity &&
      existsSync(join(root, path, 'package.json'))
    );
  });
}

/**
 * Installs them when they are not there.
 *
 * Without install scripts: the only one is that of cbor-extract, an optional helper of cbor-x in
 * C++ that would be compiled or downloaded; cbor-x does without it, and no stranger's script runs
 * here. Development packages are included whatever NODE_ENV says: the compiler is one.
 */
export async function ensurePackages(root) {
  if (packagesInstalled(root)) return;
  const flags = [
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    // `npm run --silent` hands its log level on, and a failure would have no reason.
    '--loglevel=warn',
  ];
  await step('npm packages', [...npmCommand(), 'ci', ...flags], { cwd: root });
}
