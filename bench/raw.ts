/** The opponents in C: compiled when they are first needed, kept under the hash of their source. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from '../src/runtime/child-process.js';

/**
 * Compiles `bench/raw/<name>.c` with `cc -O2`, unless this very source was compiled before.
 * @param root The package's root.
 * @param folder Where compiled programs are kept. Default: `build/bench` in the root.
 * @returns Path of the program.
 * @throws Error with what the compiler said.
 */
export function compileRaw(
  root: string,
  name: string,
  folder: string = join(root, 'build', 'bench'),
): string {
  const source = join(root, 'bench', 'raw', `${name}.c`);
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const program = join(folder, `${name}-${hash}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const draft = `${program}.${process.pid}`;
  const { status, stderr, error } = spawnSync('cc', ['-O2', '-Wall', '-o', draft, source], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`cc could not compile ${source}: ${error?.message ?? stderr}`, {
      cause: error,
    });
  }
  renameSync(draft, program);
  return program;
}
