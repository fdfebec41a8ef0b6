/** Plants one error at a time into the code, and looks whether the simulation finds it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { clusterMutants } from './cluster/mutants.js';
import { configMutants } from './config/mutants.js';
import { linkMutants } from './link/mutants.js';
import { nodeMutants } from './node/mutants.js';
import { inLanes, Worker } from './pool.js';
import type { Overlay } from './worker.js';
import type { WorldName } from './worlds.js';

/** One error: a text of a source file, which must be there exactly once, and what stands for it. */
export interface Mutant {
  readonly name: string;
  /** From the root, `src/link/inbox.ts`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

export interface PlantSetup {
  readonly world: WorldName;
  readonly seed: number;
  /** At most so many for each mutant. */
  readonly seeds: number;
  readonly leastEvents: number;
  readonly lanes: number;
  /** Progress, for a person. */
  told(line: string): void;
}

export interface Harvest {
  readonly planted: number;
  readonly caught: number;
  /** Names of the mutants that nobody found. */
  readonly missed: readonly string[];
  /** What was found without any mutant: then finding says nothing. */
  readonly unmutated: readonly string[];
}

const mutants: Readonly<Record<WorldName, readonly Mutant[]>> = {
  link: linkMutants,
  node: nodeMutants,
  config: configMutants,
  cluster: clusterMutants,
};

/** Seeds that the code as it is has to pass, through the same door as the mutants. */
const CONTROL_SEEDS = 20;

/** This file is dist/test/sim/mutants.js. */
const dist = new URL('../../', import.meta.url);
const root = new URL('../', dist);

/**
 * A source file with one text in place of another.
 * @throws Error when the text is not there exactly once.
 */
export function mutatedSource({ name, file, find, put }: Mutant): string {
  const parts = readFileSync(fileURLToPath(new URL(file, root)), 'utf8').split(find);
  if (parts.length === 2) return parts.join(put);
  throw new Error(`mutant '${name}': its text is ${parts.length - 1} times in ${file}`);
}

/** The same compiled as the rest of the package is. @throws Error as `mutatedSource`. */
export function mutate(mutant: Mutant): Overlay {
  const { file } = mutant;
  const { outputText } = ts.transpileModule(mutatedSource(mutant), {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  const url = new URL(file.replace(/\.ts$/, '.js'), dist);
  return { url: pathToFileURL(fileURLToPath(url)).href, source: outputText };
}

/** All mutants of a world. */
export function mutantsOf(world: WorldName): readonly Mutant[] {
  return mutants[world];
}

/** The first violation in at most `seeds` seeds, with its seed; null when there is none. */
async function search(overlay: Overlay, setup: PlantSetup, seeds: number): Promise<string | null> {
  const { world, leastEvents, seed: first } = setup;
  const worker = new Worker(overlay);
  try {
    for (let seed = first; seed < first + seeds; seed++) {
      const done = await worker.run({ world, seed, leastEvents, twice: false });
      if (done.violations.length > 0) return `seed ${seed}: ${done.violations[0]}`;
    }
    return null;
  } catch (error) {
    // It crashed, or never ended its turn: that is found too.
    return (error as Error).message;
  } finally {
    worker.end();
  }
}

/**
 * Plants every mutant of a world, each in a process of its own.
 * @throws (rejects) an Error when a mutant does not fit the code any more.
 */
export async function plant(setup: PlantSetup): Promise<Harvest> {
  const all = mutants[setup.world];
  const overlays = new Map(all.map((mutant) => [mutant, mutate(mutant)]));
  const [first] = all as readonly [Mutant];
  const same = mutate({ ...first, name: 'none', put: first.find });
  const unmutated = await search(same, setup, Math.min(CONTROL_SEEDS, setup.seeds));
  const missed: string[] = [];
  await inLanes(all, setup.lanes, () => ({
    handle: async (mutant) => {
      const found = await search(overlays.get(mutant) as Overlay, setup, setup.seeds);
      if (found === null) missed.push(mutant.name);
      setup.told(`${mutant.name}: ${found ?? 'MISSED'}`);
    },
    close: () => {},
  }));
  return {
    planted: all.length,
    caught: all.length - missed.length,
    missed,
    unmutated: unmutated === null ? [] : [unmutated],
  };
}
