/** The worlds that can be simulated. */
import { runSeed as runLinkSeed, type SeedOptions, type SeedResult } from './link/world.js';

export type { SeedOptions, SeedResult };

export const worlds: Readonly<Record<'link', (seed: number, options: SeedOptions) => SeedResult>> =
  {
    link: runLinkSeed,
  };

export type WorldName = keyof typeof worlds;
