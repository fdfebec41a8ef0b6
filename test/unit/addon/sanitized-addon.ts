/** The addon built with sanitizers, and how a Node without them runs it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../../src/sctp/load-addon.js';
import { build, run } from './compiler.js';
import { ADDON_VARIABLE } from './support.js';

/** Exit code of a process in which a sanitizer found something. */
export const FINDING_EXIT_CODE = 86;
const EXIT_CODE = `exitcode=${FINDING_EXIT_CODE}`;

/**
 * What AddressSanitizer keeps must not hide what the addon does to resident memory: freed blocks,
 * of which it holds 256 MiB back by default, and the stack of every allocation, for ever. Stacks
 * that reach into compiled JavaScript are new each time: with all 30 frames 400 workers cost 18
 * MiB, with 4 frames 4 MiB, and without sanitizers none.
 */
const KEPT = [
  'quarantine_size_mb=16',
  'thread_local_quarantine_size_kb=64',
  'malloc_context_size=4',
  // Free pages go back soon: every 5 s, the default, makes two samples differ by 40 MiB.
  'allocator_release_to_os_interval_ms=50',
];

/** The headers that the addon was built with, as node-gyp noted them. */
function nodeHeaders(root: string): string {
  const notes = readFileSync(join(root, 'build/config.gypi'), 'utf8');
  const folder = /"nodedir": "([^"]+)"/.exec(notes)?.[1];
  assert.ok(folder !== undefined, 'node-gyp notes its nodedir');
  return join(folder, 'include/node');
}

/** The defines of binding.gyp, so that both builds are the same program. */
function defines(root: string): string[] {
  const list = /'defines': \[([^\]]+)\]/.exec(readFileSync(join(root, 'binding.gyp'), 'utf8'))?.[1];
  return [...(list ?? '').matchAll(/'([^']+)'/g)].map(([, name]) => `-D${name}`);
}

/**
 * Builds the addon with sanitizers, unless these very sources were built before; `build/Release` is
 * left as it is.
 * @returns Path of the addon.
 */
export async function sanitizedAddon(): Promise<string> {
  const root = packageRoot();
  const nodeAddonApi = dirname(createRequire(import.meta.url).resolve('node-addon-api'));
  const includes = [`-I${nodeHeaders(root)}`, `-I${nodeAddonApi}`];
  return build({
    name: 'backplane',
    ending: '.node',
    flags: ['-shared', '-fPIC', '-DNODE_GYP_MODULE_NAME=backplane', ...defines(root), ...includes],
    files: ['binding', 'kernel', 'parse'].flatMap((room) =>
      readdirSync(join(root, 'addon', room))
        .sort()
        .map((name) => join('addon', room, name)),
    ),
  });
}

/**
 * The environment in which Node loads `addon`, and says what the sanitizers find.
 * @param leaks Also what is lost at exit. Only for processes that end with all of their
 *   environments torn down: from others Node itself loses a hundred blocks.
 */
export async function sanitizedEnvironment(
  addon: string,
  leaks = false,
): Promise<NodeJS.ProcessEnv> {
  const { output: library } = await run('g++', ['-print-file-name=libasan.so']);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    [ADDON_VARIABLE]: addon,
    LD_PRELOAD: library.trim(),
    // Node puts back all handlers of signals when it starts, but not those of "2".
    ASAN_OPTIONS: [`detect_leaks=${leaks ? 1 : 0}`, 'handle_segv=2', EXIT_CODE, ...KEPT].join(':'),
    // A leak may be Node's; it takes the text to tell. This holds for all findings of the process.
    ...(leaks ? { LSAN_OPTIONS: 'exitcode=0' } : {}),
    UBSAN_OPTIONS: ['print_stacktrace=1', EXIT_CODE].join(':'),
  };
  delete env['NODE_TEST_CONTEXT'];
  return env;
}

/** What the sanitizers, V8 or libc say before they end a process. */
const FATAL_WORDS = [
  'ERROR: (?!Leak)\\w+Sanitizer',
  'runtime error: ',
  'Sanitizer:DEADLYSIGNAL',
  'Sanitizer CHECK failed',
  'FATAL ERROR',
  'Fatal error in',
  'Assertion `',
];
const FATAL = new RegExp(`^.*(${FATAL_WORDS.join('|')}).*$`, 'm');
/** One leak: what it is, and the calls that led to it. */
const LEAK = /^(?:Direct|Indirect) leak of .*\n(?: +#\d.*\n)*/gm;
/** Our namespace, or where there are no names the addon's file. */
const OURS = /\bbackplane::|\/backplane-/;

/** What a sanitizer found, in what a process said: its first line, or null. */
export function findingIn(output: string): string | null {
  const leak = [...output.matchAll(LEAK)].find(([text]) => OURS.test(text))?.[0];
  return (FATAL.exec(output)?.[0] ?? leak)?.trim().split('\n')[0] ?? null;
}
