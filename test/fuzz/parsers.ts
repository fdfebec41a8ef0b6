/** The programs that fuzz the addon's parsers. No header of Node is found: they must need none. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/sctp/load-addon.js';
import { build } from '../unit/addon/compiler.js';

const TARGETS = 'test/fuzz/native';
const PARSERS = 'addon/parse';
/** What has a `main` of its own, or needs libFuzzer's. */
const DRIVERS = { random: 'random_fuzz.cc', libFuzzer: 'lib_fuzzer.cc' } as const;

function filesOf(driver: string): string[] {
  const others: readonly string[] = Object.values(DRIVERS).filter((name) => name !== driver);
  return [PARSERS, TARGETS].flatMap((folder) =>
    readdirSync(join(packageRoot(), folder))
      .filter((name) => !others.includes(name))
      .sort()
      .map((name) => join(folder, name)),
  );
}

const include = () => `-I${join(packageRoot(), TARGETS)}`;

/** The one with random mutations: `program [inputs] [seed]`. Takes g++ alone. */
export function randomFuzzer(): Promise<string> {
  return build({
    name: 'random-fuzz',
    ending: '',
    flags: [include()],
    files: filesOf(DRIVERS.random),
  });
}

/** The one that follows coverage; needs clang with libFuzzer. */
export function libFuzzer(): Promise<string> {
  return build({
    name: 'lib-fuzzer',
    ending: '',
    compiler: 'clang++',
    flags: [include(), '-fsanitize=fuzzer'],
    files: filesOf(DRIVERS.libFuzzer),
  });
}
