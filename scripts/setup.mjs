/**
 * Makes a checkout ready to run: npm packages, Debian packages, the addons, the compiled
 * TypeScript. Each only when something it depends on has changed. Run it (`npm run build`) or
 * import `setup`. Needs nothing but Node: it runs before anything is installed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureAddon } from './lib/addon.mjs';
import { withLock } from './lib/lock.mjs';
import { ensurePackages } from './lib/npm-packages.mjs';
import { installPackages, missingPackages } from './lib/system-packages.mjs';
import { SetupError, say } from './lib/tool.mjs';
import { ensureCompiled } from './lib/typescript.mjs';

/** The folder of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @throws SetupError when this is not Linux, or Node is older than package.json allows. */
export function checkPlatform() {
  if (process.platform !== 'linux') throw new SetupError('backplane needs Linux');
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wanted = engines.node.replace(/^>=/, '').split('.').map(Number);
  const running = process.versions.node.split('.').map(Number);
  const [major, minor = 0] = wanted;
  if (running[0] < major || (running[0] === major && running[1] < minor)) {
    throw new SetupError(`Node ${engines.node} is needed, this is ${process.version}`);
  }
}

/**
 * Makes everything ready. In an installed package that is the addon: everything else came with it.
 * @throws SetupError when it cannot be; its message says what to do, its `exitCode` is for the
 *   process.
 */
export async function setup() {
  checkPlatform();
  const checkout = existsSync(join(root, 'tsconfig.json'));
  const onWait = () => say('setup: another one is at work here, waiting for it');
  await withLock(root, onWait, async () => {
    // On a user's machine what is missing is named, also to root: installing is their decision.
    await installPackages(missingPackages({ lab: checkout }), checkout);
    if (checkout) await ensurePackages(root);
    await ensureAddon(root);
    if (checkout) await ensureCompiled(root);
  });
}

/** Ends the process after a failed set-up; anything else is a bug and thrown on. */
export function fail(error) {
  if (!(error instanceof SetupError)) throw error;
  say(`setup: ${error.message}`);
  process.exitCode = error.exitCode;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await setup().catch(fail);
