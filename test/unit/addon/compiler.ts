/** The C++ compiler with sanitizers, for tests that build a part of the addon by themselves. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

/** Compiles with sanitizers; `input` is source text for a file named `-`. */
export async function compile(args: readonly string[], input = ''): Promise<void> {
  const include = `-I${join(packageRoot(), 'addon')}`;
  const flags = ['-std=c++20', '-O1', '-g1', '-fno-omit-frame-pointer', ...SANITIZERS, include];
  const { code, output } = await run('g++', [...flags, ...args], { input });
  assert.equal(code, 0, output);
}
