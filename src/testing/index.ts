/**
 * `backplane/testing`: nodes in one process on a model of a network, for unit tests on any system.
 */
export {
  createTestNetwork,
  type NodeReference,
  TestNetwork,
  type TestNodeOptions,
} from './test-network.js';
export type { TestNetworkOptions } from './test-options.js';
