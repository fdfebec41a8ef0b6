/** Compiles the TypeScript sources of a checkout to dist. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { filesUnder, hashInputs, stampHolds, writeStamp } from './stamp.mjs';
import { SetupError, step } from './tool.mjs';

const STAMP = 'dist/typescript.stamp.json';
const BUILD_INFO = 'dist/.tsbuildinfo';
/** What the compiler makes, and so what may lie in dist only while its source exists. */
const COMPILED = /\.(m?js|m?js\.map|d\.m?ts)$/;

function sources(root) {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  return include
    .flatMap((folder) => filesUnder(root, folder))
    .filter((file) => /\.m?ts$/.test(file) && !/\.d\.m?ts$/.test(file));
}

function outputsOf(source) {
  const [, stem, m] = /^(.*)\.(m?)ts$/.exec(source);
  return [`${m}js`, `${m}js.map`, `d.${m}ts`].map((ending) => join('dist', `${stem}.${ending}`));
}

/**
 * Compiles unless dist was compiled from the same sources. What lies in dist without a source is
 * removed: a test that was deleted must not run on.
 * @throws SetupError with everything the compiler said.
 */
export async function ensureCompiled(root) {
  const files = sources(root);
  const outputs = files.flatMap(outputsOf);
  const inputs = hashInputs(root, [...files, 'tsconfig.json', 'package.json', 'package-lock.json']);
  const expected = new Set(outputs);
  const stale = filesUnder(root, 'dist').filter((f) => COMPILED.test(f) && !expected.has(f));
  if (stale.length === 0 && stampHolds(root, STAMP, inputs, outputs)) return;
  for (const file of stale) rmSync(join(root, file), { force: true });
  rmSync(join(root, STAMP), { force: true });
  // The compiler's record of what it emitted does not notice that an output has gone.
  if (!outputs.every((file) => existsSync(join(root, file)))) {
    rmSync(join(root, BUILD_INFO), { force: true });
  }
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const pretty = process.stderr.isTTY === true ? 'true' : 'false';
  await step('TypeScript', [process.execPath, compiler, '-p', root, '--pretty', pretty]);
  if (!writeStamp(root, STAMP, inputs, outputs)) {
    throw new SetupError('the compiler said nothing, but files are missing in dist');
  }
}
