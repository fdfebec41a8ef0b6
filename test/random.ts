/** Numbers that follow from a seed: the package's own, which its model of a network uses too. */
export { hashText, SeededRandom } from '../src/testing/random.js';
