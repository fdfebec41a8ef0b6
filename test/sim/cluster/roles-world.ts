/** The world of roles of one seed: that of the configuration, with a controller at each replica. */
import { SeededRandom } from '../../random.js';
import { ConfigWorld } from '../config/world.js';
import { setLimits } from '../core/limits.js';
import type { SeedOptions, SeedResult } from '../worlds.js';
import { chooseRolesKnobs } from './roles-knobs.js';
import { RolesWatch } from './roles-watch.js';

/** Runs one seed from beginning to end. */
export function runRolesSeed(seed: number, options: SeedOptions): SeedResult {
  const random = new SeededRandom(seed);
  const knobs = chooseRolesKnobs(random.fork('knobs'));
  const restore = setLimits(knobs.limits);
  try {
    const world = new ConfigWorld(seed, random, knobs, options);
    const watch = new RolesWatch(world);
    world.onlooker = watch;
    return { ...world.run(), counts: watch.counts };
  } finally {
    restore();
  }
}
