/** Errors that the simulation of clusters must find. */
import type { Mutant } from '../mutants.js';
import { dispatchMutants } from './dispatch-mutants.js';
import { hostMutants } from './host-mutants.js';
import { rolesMutants } from './roles-mutants.js';

export const clusterMutants: readonly Mutant[] = [
  ...dispatchMutants,
  ...hostMutants,
  ...rolesMutants,
];
