/** What one seed makes of its world of roles: that of the configuration, with little traffic. */
import type { SeededRandom } from '../../random.js';
import { chooseKnobs, type Knobs } from '../config/knobs.js';

/**
 * What clients read and write does not tell who is a master: one of them is enough to have stores
 * fail, and short logs to have them left. Most of what happens is links, epochs and members that
 * come and go.
 */
export function chooseRolesKnobs(random: SeededRandom): Knobs {
  const knobs = chooseKnobs(random);
  return {
    ...knobs,
    clients: 1,
    thinkMs: random.pick([40, 150]),
    dialMs: random.pick([20, 50, 300]),
    limits: { ...knobs.limits, configLogEntries: random.pick([20, 100]) },
  };
}
