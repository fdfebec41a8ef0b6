/** The worlds of one seed of a cluster: each part of it has one of its own, by turns. */
import type { RunSeed } from '../worlds.js';
import { runDispatchSeed } from './dispatch-world.js';
import { runHostSeed } from './host-world.js';
import { runRolesSeed } from './roles-world.js';

const parts: readonly RunSeed[] = [runDispatchSeed, runHostSeed, runRolesSeed];

/** Runs one seed from beginning to end, in the world whose turn it is. */
export const runSeed: RunSeed = (seed, options) =>
  (parts[seed % parts.length] as RunSeed)(seed, options);
