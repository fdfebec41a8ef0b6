/** Errors in what a controller says of roles and of the cluster that the simulation must find. */
import type { Mutant } from '../mutants.js';

const STATE = 'src/controller/cluster-state.ts';
const STATUS = 'src/controller/cluster-status.ts';

export const rolesMutants: readonly Mutant[] = [
  // up, degraded, down
  {
    name: 'what was not met yet is said to be down',
    file: STATE,
    find: '    if (this.#startedAtMs !== null) return;\n',
    put: '',
  },
  {
    name: 'masters are waited for without end',
    file: STATE,
    find: "if (condition === 'up' || isLate) this",
    put: "if (condition === 'up') this",
  },
  {
    name: 'a master that does not answer is in touch',
    file: STATE,
    find: 'missing.includes(name) || this.#isStalled(name)',
    put: 'missing.includes(name)',
  },
  {
    name: 'a master that misses is in touch as long as it is not stalled',
    file: STATE,
    find: 'missing.includes(name) || this.#isStalled(name)',
    put: 'this.#isStalled(name)',
  },
  {
    name: 'a master without the others says that all is down',
    file: STATE,
    find: 'if (!isMaster && (isDown || away.length === masters.length)) {',
    put: 'if (isDown || away.length >= masters.length - 1) {',
  },
  {
    name: 'one master that is missing is all of them',
    file: STATE,
    find: 'isDown || away.length === masters.length',
    put: 'isDown || away.length > 0',
  },
  {
    name: 'masters that do not answer are never all of them',
    file: STATE,
    find: 'isDown || away.length === masters.length',
    put: 'isDown',
  },
  {
    name: 'one master that is missing does not matter',
    file: STATE,
    find: 'if (away.length > 0) {',
    put: 'if (away.length > 1) {',
  },
  {
    name: 'a master whose store has failed is up',
    file: STATE,
    find: 'if (storeFailure !== null && isMaster) {',
    put: 'if (storeFailure !== null && !isMaster) {',
  },
  {
    name: 'a sequencer that takes no writes is up',
    file: STATE,
    find: "if (role === 'sequencer' && !isWritable) {",
    put: "if (role === 'master' && !isWritable) {",
  },
  {
    name: 'without a configuration all is up',
    file: STATE,
    find: "return { condition: 'down', why, missing: [] };",
    put: "return { condition: 'up', why, missing: [] };",
  },

  // since when, and why
  {
    name: 'it is so since its reason has changed',
    file: STATE,
    find: 'isSame ? before.sinceMs : wallMs',
    put: 'wallMs',
  },
  {
    name: 'it has always been so',
    file: STATE,
    find: 'isSame ? before.sinceMs : wallMs',
    put: 'before.sinceMs',
  },
  {
    name: 'who is missing is not told anew',
    file: STATE,
    find: 'if (isSame && verdict.why === before.why) return;',
    put: 'if (isSame) return;',
  },
  {
    name: 'the reason names nobody',
    file: STATE,
    find: "away.join(', ')",
    put: 'away.length',
  },
  {
    name: 'changes are not told',
    file: STATE,
    find: '    this.#changes.push({ type: ',
    put: '    if (nowMs < 0) this.#changes.push({ type: ',
  },

  // the other controllers
  {
    name: 'who was stalled when its link ended is so when it is back',
    file: STATE,
    find: "      peer.isLinked = type === 'linked';\n      peer.isStalled = false;",
    put: "      peer.isLinked = type === 'linked';",
  },
  {
    name: 'a controller that does not answer is reached',
    file: STATE,
    find: 'return isLinked && !isStalled;',
    put: 'return isLinked;',
  },
  {
    name: 'a host without a link is forgotten',
    file: STATE,
    find: 'if (!peer.isLinked && !peer.isKnown) this.#peers.delete(host);\n  }',
    put: 'if (!peer.isLinked) this.#peers.delete(host);\n  }',
  },
  {
    name: 'a host that has left the configuration is known for ever',
    file: STATE,
    find: '      peer.isKnown = wanted.has(host);\n',
    put: '',
  },
  {
    name: 'it is reached since the last word of it',
    file: STATE,
    find: 'if (isReached(peer) !== wasReached) peer.sinceMs = wallMs;',
    put: 'peer.sinceMs = wallMs;',
  },

  // the roles
  {
    name: 'who says that it is the sequencer is believed',
    file: STATUS,
    find: 'host === firstHost && role',
    put: 'role',
  },
  {
    name: 'the sequencer of another lineage is believed',
    file: STATUS,
    find: "role === 'sequencer' && lineage === own.lineage;",
    put: "role === 'sequencer';",
  },
  {
    name: 'the sequencer is not asked',
    file: STATUS,
    find: 'missing } = sequencer ?? own;',
    put: 'missing } = own;',
  },
  {
    name: 'who is invited to be a master calls itself one',
    file: 'src/config/replica.ts',
    find: "return this.#inviter === null ? 'slave' : 'learner';",
    put: "return this.#inviter === null ? 'slave' : 'master';",
  },
];
