/** The compilers with sanitizers, for what builds a part of the addon by itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/sctp/load-addon.js';

/** Both stop the program at the first finding. */
const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'];

/** Runs a program; its output is both of its streams, as they came. */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<{ code: number | null; output: string }> {
  const { env = process.env, input } = options;
  // Without input there is no pipe: a program that ends at once would break it.
  const stdin = input === undefined ? 'ignore' : 'pipe';
  const child = spawn(command, args, { env, stdio: [stdin, 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: Buffer.concat(chunks).toString() };
}

/** Something to compile with sanitizers. */
export interface Product {
  /** File name; a hash goes before its ending. */
  readonly name: string;
  readonly ending: string;
  /** Default: g++. */
  readonly compiler?: 'g++' | 'clang++' | 'gcc';
  readonly flags: readonly string[];
  /** Sources and headers, from the package's root. */
  readonly files: readonly string[];
}

/**
 * Compiles a product, unless it was made of these very files before. Its sources become one
 * translation unit: for all of the addon 16 s instead of 100 s for one by one.
 * @returns Its path.
 * @throws AssertionError with what the compiler said.
 */
export async function build(product: Product): Promise<string> {
  const { name, ending, compiler = 'g++', files } = product;
  const root = packageRoot();
  const include = `-I${join(root, 'addon')}`;
  const isC = compiler === 'gcc';
  const flags = [
    isC ? '-std=gnu11' : '-std=c++20',
    '-O1',
    '-g1',
    '-fno-omit-frame-pointer',
    ...SANITIZERS,
    include,
  ];
  flags.push(...product.flags);
  const hash = createHash('sha256').update(JSON.stringify([compiler, flags]));
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  const folder = join(root, 'build', 'sanitized');
  const path = join(folder, `${name}-${hash.digest('hex').slice(0, 12)}${ending}`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const input = files
    .filter((file) => file.endsWith(isC ? '.c' : '.cc'))
    .map((file) => `#include "${join(root, file)}"\n`)
    .join('');
  const draft = `${path}.${process.pid}`;
  const { code, output } = await run(
    compiler,
    [...flags, '-x', isC ? 'c' : 'c++', '-', '-o', draft],
    {
      input,
    },
  );
  assert.equal(code, 0, output);
  renameSync(draft, path);
  return path;
}
