import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../../src/sctp/load-addon.js';
import { compile, run } from './compiler.js';
import { ADDON_VARIABLE } from './support.js';

const root = packageRoot();

/** The headers that the addon was built with, as node-gyp noted them. */
function nodeHeaders(): string {
  const notes = readFileSync(join(root, 'build/config.gypi'), 'utf8');
  const folder = /"nodedir": "([^"]+)"/.exec(notes)?.[1];
  assert.ok(folder !== undefined, 'node-gyp notes its nodedir');
  return join(folder, 'include/node');
}

/** The defines of binding.gyp, so that both builds are the same program. */
function defines(): string[] {
  const list = /'defines': \[([^\]]+)\]/.exec(readFileSync(join(root, 'binding.gyp'), 'utf8'))?.[1];
  return [...(list ?? '').matchAll(/'([^']+)'/g)].map(([, name]) => `-D${name}`);
}

/** All of the addon as one translation unit: 16 s instead of 100 s for one by one. */
async function buildInto(folder: string): Promise<string> {
  const sources = ['binding', 'kernel', 'parse'].flatMap((room) =>
    readdirSync(join(root, 'addon', room))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => `#include "${join(root, 'addon', room, name)}"`),
  );
  const nodeAddonApi = dirname(createRequire(import.meta.url).resolve('node-addon-api'));
  const path = join(folder, 'backplane.node');
  const flags = ['-shared', '-fPIC', '-DNODE_GYP_MODULE_NAME=backplane', ...defines()];
  const includes = [`-I${nodeHeaders()}`, `-I${nodeAddonApi}`];
  await compile([...flags, ...includes, '-x', 'c++', '-', '-o', path], sources.join('\n'));
  return path;
}

test('the lifecycle tests pass with address and undefined-behaviour sanitizers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-sanitized-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const addon = await buildInto(folder);
  const { output: library } = await run('g++', ['-print-file-name=libasan.so']);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    [ADDON_VARIABLE]: addon,
    LD_PRELOAD: library.trim(),
    // Leaks are counted by the tests themselves; V8's own look like leaks at exit.
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
  delete env['NODE_TEST_CONTEXT'];
  for (const name of ['receive', 'lifecycle', 'environment']) {
    const file = fileURLToPath(new URL(`./${name}.test.js`, import.meta.url));
    const { code, output } = await run(process.execPath, [file], { env });
    assert.equal(code, 0, output);
    assert.match(output, /^# fail 0$/m, output);
  }
});
