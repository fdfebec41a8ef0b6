/** Errors in the supervision of workers that the simulation must find. */
import type { Mutant } from '../mutants.js';

const SUPERVISOR = 'src/workers/supervisor.ts';
const GROUP = 'src/workers/group.ts';
const MEMBER = 'src/workers/member.ts';

export const hostMutants: readonly Mutant[] = [
  // the strategies
  {
    name: 'one-for-all restarts only those after the one that failed',
    file: GROUP,
    find: "strategy === 'one-for-all' ? this.members : this.members.slice(at)",
    put: 'this.members.slice(at)',
  },
  {
    name: 'rest-for-one restarts all',
    file: GROUP,
    find: "strategy === 'one-for-all' ? this.members : this.members.slice(at)",
    put: 'this.members',
  },
  {
    name: 'one-for-one restarts all',
    file: GROUP,
    find: "    if (strategy === 'one-for-one') return;\n",
    put: '',
  },
  {
    name: 'those that restart together start before all have stopped',
    file: GROUP,
    find: "    if (this.members.some(({ mustStop }) => mustStop === 'together')) return;\n",
    put: '',
  },
  {
    name: 'in a restart of all, what was done is not done again',
    file: GROUP,
    find: "      if (member.spec.restart === 'transient') member.isFinished = false;\n",
    put: '',
  },
  {
    name: 'a failure in a restart of all counts once more',
    file: SUPERVISOR,
    find: "if (isExpected || mustStop === 'together') return;",
    put: 'if (isExpected) return;',
  },

  // intensity, period and pauses
  {
    name: 'one restart too many',
    file: GROUP,
    find: 'if (this.#restartsMs.length > intensity) {',
    put: 'if (this.#restartsMs.length > intensity + 1) {',
  },
  {
    name: 'restarts of long ago count',
    file: GROUP,
    find: '.filter((atMs) => nowMs - atMs <= periodMs)',
    put: '.filter((atMs) => nowMs - atMs <= 2 * periodMs)',
  },
  {
    name: 'a group that is taken up remembers its restarts',
    file: GROUP,
    find: '    this.givenUp = null;\n    this.#restartsMs = [];',
    put: '    this.givenUp = null;',
  },
  {
    name: 'a pause also before the first restart',
    file: GROUP,
    find: 'member.failures === 1 ? 0 : pauseMs',
    put: 'pauseMs',
  },
  {
    name: 'a pause without an upper bound',
    file: GROUP,
    find: 'Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.max(0, member.failures - 2))',
    put: 'backoff.minMs * 2 ** Math.max(0, member.failures - 2)',
  },
  {
    name: 'pauses are told and not kept',
    file: GROUP,
    find: "if (member.phase === 'down' && member.notBeforeMs <= nowMs) start(member);",
    put: "if (member.phase === 'down') start(member);",
  },
  {
    name: 'nobody wakes when a pause is over',
    file: SUPERVISOR,
    find: '      dueMs = Math.min(dueMs, notBeforeMs);\n',
    put: '',
  },
  {
    name: 'failures of long ago make pauses longer',
    file: SUPERVISOR,
    find: '    if (upMs >= this.#groupOf(member).spec.periodMs) member.failures = 0;\n',
    put: '',
  },
  {
    name: 'who is killed was never ready',
    file: MEMBER,
    find: "if (phase === 'down' || phase === 'starting') this",
    put: "if (phase !== 'up') this",
  },

  // the order
  {
    name: 'nobody waits for those before to be ready',
    file: GROUP,
    find: "      if (member.phase !== 'up' && !member.isSettled) return;\n",
    put: '',
  },
  {
    name: 'who restarts alone keeps the others waiting',
    file: GROUP,
    find: "if (member.phase !== 'up' && !member.isSettled) return;",
    put: "if (member.phase !== 'up') return;",
  },
  {
    name: 'all stop at once',
    file: GROUP,
    find: "    if (this.members.some(({ phase }) => phase === 'stopping')) return;\n",
    put: '',
  },
  {
    name: 'the first stops first',
    file: GROUP,
    find: 'const last = this.members.findLast(',
    put: 'const last = this.members.find(',
  },
  {
    name: 'the order is that of names alone',
    file: MEMBER,
    find: '  if (a.spec.order !== b.spec.order) return a.spec.order - b.spec.order;\n',
    put: '',
  },
  {
    name: 'after a drain nobody waits for the others',
    file: SUPERVISOR,
    find: '      for (const member of this.#members.values()) member.isSettled = false;\n',
    put: '',
  },

  // what changes
  {
    name: 'all that have changed are replaced at once',
    file: GROUP,
    find: 'const away = wanted.filter(({ isAway }) => isAway);',
    put: 'const away: Member[] = [];',
  },
  {
    name: 'what has changed is not replaced',
    file: MEMBER,
    find: 'this.launch !== null && this.launch !== this.spec.launch',
    put: 'false',
  },
  {
    name: 'the next is replaced though the one before is not ready',
    file: SUPERVISOR,
    find: '    member.isSettled = true;\n    member.isRolling = false;',
    put: '    member.isSettled = true;',
  },
  {
    name: 'what cannot be read is desired no more',
    file: SUPERVISOR,
    find: 'member.isDesired = true;\n      else if',
    put: 'member.isDesired = false;\n      else if',
  },
  {
    name: 'a change does not take a group up',
    file: SUPERVISOR,
    find: '    for (const name of changed) this.#takeUp(this.#groups.get(name) as Group);\n',
    put: '',
  },
  {
    name: 'a change does not revive what had ended for good',
    file: SUPERVISOR,
    find: '        member.isFinished = false;\n        member.isUnjudged = false;',
    put: '        member.isUnjudged = false;',
  },

  // who is killed
  {
    name: 'a worker that has stalled goes on',
    file: SUPERVISOR,
    find: '      member.isStalled = true;\n        break;',
    put: '      break;',
  },
  {
    name: 'that it has stalled is held against the next process',
    file: SUPERVISOR,
    find: '    member.isStalled = false;\n',
    put: '',
  },
  {
    name: 'who does not stop is waited for',
    file: SUPERVISOR,
    find: "member.become(this.#nowMs, 'stopping', this.#nowMs + stopMs);",
    put: "member.become(this.#nowMs, 'stopping');",
  },
  {
    name: 'who is never ready is waited for',
    file: SUPERVISOR,
    find: "member.become(this.#nowMs, 'starting', this.#nowMs + spec.readyMs);\n    member.launch",
    put: "member.become(this.#nowMs, 'starting');\n    member.launch",
  },
  {
    name: 'who was asked to stop has failed when it ends',
    file: SUPERVISOR,
    find: "const isExpected = phase === 'stopping';",
    put: 'const isExpected = false;',
  },

  // one controller after the other
  {
    name: 'what is desired is believed to be nothing until it is known',
    file: SUPERVISOR,
    find: '    if (!this.#isDesireKnown) return;\n    this.#killFailed();',
    put: '    this.#killFailed();',
  },
  {
    name: 'what ended without a controller is not judged',
    file: SUPERVISOR,
    find: '    else member.isUnjudged = true;\n',
    put: '',
  },
  {
    name: 'an operator has stopped it for one controller only',
    file: SUPERVISOR,
    find: '      member.isHeld = this.#held.delete(spec.name);\n',
    put: '',
  },
  {
    name: 'what has ended for good starts with the next controller',
    file: SUPERVISOR,
    find: '        member.isFinished = true;\n        member.lastEnding = input.ending;',
    put: '        member.lastEnding = input.ending;',
  },
  {
    name: 'what was asked to stop by the controller before is believed to be well',
    file: SUPERVISOR,
    find: 'if (isStopping) this.#asked(member);',
    put: '',
  },
  {
    name: 'whose keeper says late that it was asked to stop is believed to be well',
    file: SUPERVISOR,
    find: "      case 'asked':\n        this.#asked(member);\n",
    put: "      case 'asked':\n",
  },
  {
    name: 'the next controller does not know that one is being replaced',
    file: SUPERVISOR,
    find: '    member.wasAsked = true;\n',
    put: '',
  },
  {
    name: 'the next controller replaces one while another has not started',
    file: MEMBER,
    find: 'const isAwaited = !this.isSettled || this.wasAsked;',
    put: 'const isAwaited = this.wasAsked;',
  },
  {
    name: 'one that fails keeps others from being mended',
    file: MEMBER,
    find: "this.phase !== 'up' && this.failures === 0;",
    put: "this.phase !== 'up';",
  },
  {
    name: 'who went with others is forgotten by the next controller',
    file: SUPERVISOR,
    find: "    if (member.isFinished) this.#tell({ type: 'finished', worker: spec.name });\n",
    put: '',
  },

  // whether anything is to run
  {
    name: 'a host that is drained goes on',
    file: GROUP,
    find: 'member.isRunning && (member.mustStop !== null || !isWanted(member))',
    put: 'member.isRunning && member.mustStop !== null',
  },
  {
    name: 'nobody is told that nothing runs any more',
    file: SUPERVISOR,
    find: "    this.#isAtRest = true;\n    this.#tell({ type: 'suspended' });",
    put: '    this.#isAtRest = true;',
  },
  {
    name: 'that nothing runs is told too early',
    file: SUPERVISOR,
    find: "    for (const { phase } of this.#members.values()) if (phase !== 'down') return;\n",
    put: '',
  },
  {
    name: 'a reason to run nothing ends all of them',
    file: SUPERVISOR,
    find: '      this.#suspended.delete(reason);\n      return;',
    put: '      this.#suspended.clear();\n      return;',
  },
  {
    name: 'workers run on where the policy has them stop',
    file: 'src/controller/host-workers.ts',
    find: "condition === 'down' && whenDown(view) === 'stop'",
    put: "condition === 'down' && whenDown(view) !== 'stop'",
  },
  {
    name: 'workers stop as soon as a master is missing',
    file: 'src/controller/host-workers.ts',
    find: "condition === 'down' && whenDown(view) === 'stop'",
    put: "condition !== 'up' && whenDown(view) === 'stop'",
  },
];
