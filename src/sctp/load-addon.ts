/**
 * Finds and checks the addon. Nothing is loaded before the first use, so importing this package
 * works on every system, also where no addon was built.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SctpError } from '../errors.js';
import { NATIVE_CONTRACT, type NativeAddon, type NativeError } from './native.js';
import { sctpError } from './system-errors.js';

/** Which engine carries associations here, and whether it can. */
export interface SctpSupport {
  /** Null where no addon was found. */
  readonly engine: 'kernel' | 'usrsctp' | null;
  readonly available: boolean;
  /** Why not: ERR_ADDON_MISSING, ERR_NO_SCTP or ERR_SYSTEM; null when available. */
  readonly error: SctpError | null;
}

let loaded: NativeAddon | null = null;

/** The package's root: the nearest directory above `from` whose package.json bears our name. */
export function packageRoot(from: string = dirname(fileURLToPath(import.meta.url))): string {
  for (let directory = from; ; directory = dirname(directory)) {
    const manifest = join(directory, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'backplane') {
      return directory;
    }
    if (dirname(directory) === directory) {
      throw new SctpError('ERR_ADDON_MISSING', `no package.json of backplane above ${from}`);
    }
  }
}

/**
 * Where something compiled may lie, in the order of preference: prebuilt for this platform, else
 * built here.
 */
export function builtCandidates(name: string, root: string): readonly string[] {
  return [
    join(root, 'prebuilds', `${process.platform}-${process.arch}`, name),
    join(root, 'build', 'Release', name),
  ];
}

/**
 * Loads the first addon among `candidates` and checks that it speaks our contract.
 * @throws SctpError ERR_ADDON_MISSING when there is none, it does not load, or it was built for
 * another version.
 */
export function loadFrom(candidates: readonly string[], root: string): NativeAddon {
  const path = candidates.find((candidate) => existsSync(candidate));
  const remedy = `run "npm run build" in ${root}`;
  if (path === undefined) {
    throw new SctpError('ERR_ADDON_MISSING', `no addon at ${candidates.join(' nor ')}: ${remedy}`);
  }
  let addon: NativeAddon;
  try {
    addon = createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    throw new SctpError('ERR_ADDON_MISSING', `the addon ${path} does not load: ${remedy}`, {
      cause,
    });
  }
  if (addon.contract !== NATIVE_CONTRACT) {
    throw new SctpError(
      'ERR_ADDON_MISSING',
      `the addon ${path} has contract ${addon.contract}, needed is ${NATIVE_CONTRACT}: ${remedy}`,
    );
  }
  return addon;
}

/**
 * The addon, loaded at the first call.
 * @throws SctpError ERR_NO_SCTP on another system than Linux; ERR_ADDON_MISSING: its message holds
 *   the command that builds one.
 */
export function loadAddon(platform: string = process.platform): NativeAddon {
  if (loaded === null) {
    if (platform !== 'linux') {
      const message = `${platform} has no SCTP that we can use, Linux has; for tests on any system`;
      throw new SctpError('ERR_NO_SCTP', `${message} there is backplane/testing`);
    }
    const root = packageRoot();
    loaded = loadFrom(builtCandidates('backplane.node', root), root);
  }
  return loaded;
}

/** Puts another addon in the place of the real one; null goes back. Tests use it. */
export function replaceAddon(addon: NativeAddon | null): void {
  loaded = addon;
}

/**
 * Tells which engine is there and whether it can make sockets; never throws. Costs one system call.
 */
export function sctpSupport(): SctpSupport {
  let addon: NativeAddon;
  try {
    addon = loadAddon();
  } catch (error) {
    return { engine: null, available: false, error: error as SctpError };
  }
  const problem: NativeError | null = addon.probe();
  const error = problem === null ? null : sctpError(problem, 'cannot make an SCTP socket');
  return { engine: addon.engine, available: error === null, error };
}
