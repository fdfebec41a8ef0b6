/** The worlds that can be simulated. */
import { runSeed as runClusterSeed } from './cluster/world.js';
import { runSeed as runConfigSeed } from './config/world.js';
import { runSeed as runLinkSeed } from './link/world.js';
import { runSeed as runNodeSeed } from './node/world.js';

/** What came of one seed. */
export interface SeedResult {
  readonly seed: number;
  readonly events: number;
  readonly hash: string;
  /** Broken promises; the run ends at the first event that breaks any. */
  readonly violations: readonly string[];
  /** The last events, when they were asked for. */
  readonly lines: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

export interface SeedOptions {
  /** Faults go on until there were so many events. */
  readonly leastEvents: number;
  /** Keeps the last events in words. */
  readonly isVerbose: boolean;
}

/** Runs one seed from beginning to end. */
export type RunSeed = (seed: number, options: SeedOptions) => SeedResult | Promise<SeedResult>;

/** The names of the worlds. */
export type WorldName = 'link' | 'node' | 'config' | 'cluster';

export const worlds: Readonly<Record<WorldName, RunSeed>> = {
  link: runLinkSeed,
  node: runNodeSeed,
  config: runConfigSeed,
  cluster: runClusterSeed,
};
