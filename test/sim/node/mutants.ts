/** Errors that the simulation of nodes must find. */
import type { Mutant } from '../mutants.js';

export const nodeMutants: readonly Mutant[] = [];
