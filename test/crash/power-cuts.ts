/** Power cuts, once with the store as it is and once with one that does not wait for the disk. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../src/sctp/load-addon.js';
import { SeededRandom } from '../../src/testing/random.js';
import { type Mutant, mutate } from '../sim/mutants.js';
import type { PowerSetup } from './power-protocol.js';
import { PowerSubject } from './power-subject.js';
import { type CrashFigures, runCycles } from './run.js';

/** LMDB tells of a commit as soon as the kernel has it. */
export const withoutFlush: Mutant = {
  name: 'acknowledged without a flush',
  file: 'src/config/store.ts',
  find: 'overlappingSync: false,',
  put: 'overlappingSync: false, noSync: true,',
};

/** Cuts with the flush for one without it: there, every one that comes after a write loses it. */
const CUTS_PER_CONTROL = 5;

export interface PowerCuts {
  readonly folder: string;
  readonly cuts: number;
  readonly masters: number;
  readonly seed: number;
  told(line: string): void;
}

/** In a guest it says nothing of a host. */
type Recovery = Pick<CrashFigures, 'openMsP50' | 'recoveryMsP50' | 'recoveryMsP99'>;

/** What came of it. */
export interface PowerFigures extends Omit<CrashFigures, 'cycles' | keyof Recovery> {
  readonly cuts: number;
  /** The same without the flush: if nothing is lost then, that nothing was lost says nothing. */
  readonly withoutFlush: {
    readonly cuts: number;
    readonly acknowledged: number;
    readonly lost: number;
    readonly halfApplied: number;
  };
}

/** Installs what a guest needs, where that is possible. @throws SetupError */
async function ensureGuest(): Promise<void> {
  // Plain JavaScript outside of dist, without types.
  const path = join(packageRoot(), 'scripts', 'lib', 'system-packages.mjs');
  const { installPackages, missingPackages } = await import(pathToFileURL(path).href);
  await installPackages(missingPackages({ lab: false, guest: true }));
}

async function cut(
  { folder, cuts, masters, seed, told }: PowerCuts,
  overlay: PowerSetup['overlay'],
): Promise<CrashFigures> {
  mkdirSync(folder);
  const random = new SeededRandom(seed);
  const subject = new PowerSubject(folder, masters, random.fork('subject'), overlay);
  return runCycles(subject, cuts, random, told).finally(() => subject.close());
}

/** Cuts the power so many times, and some more without the flush. */
export async function cutPower(options: PowerCuts): Promise<PowerFigures> {
  const { folder, told } = options;
  await ensureGuest();
  const overlay = mutate(withoutFlush);
  const run = await cut({ ...options, folder: join(folder, 'flush') }, null);
  const { cycles, openMsP50, recoveryMsP50, recoveryMsP99, ...figures } = run;
  const without = await cut(
    {
      ...options,
      folder: join(folder, 'no-flush'),
      cuts: Math.ceil(options.cuts / CUTS_PER_CONTROL),
      told: (line) => told(`without the flush: ${line}`),
    },
    overlay,
  );
  const { acknowledged, lost, halfApplied } = without;
  const violations =
    lost > 0 ? [] : ['nothing was lost without the flush either: these cuts show nothing'];
  return {
    ...figures,
    cuts: cycles,
    withoutFlush: { cuts: without.cycles, acknowledged, lost, halfApplied },
    violations: [...figures.violations, ...violations],
  };
}
