/** Errors that the simulation of nodes must find. */
import type { Mutant } from '../mutants.js';

export const nodeMutants: readonly Mutant[] = [
  // who is judged, and when
  {
    name: 'stall judged before drain',
    file: 'src/link/liveness.ts',
    find: "      this.#draining = true;\n      this.#outputs.push('drain');",
    put: '      this.#judge(nowMs);',
  },
  {
    name: 'own lateness ignored',
    file: 'src/link/liveness.ts',
    find: 'this.#lateMs += this.#latenessMs(nowMs);',
    put: 'this.#lateMs += 0 * this.#latenessMs(nowMs);',
  },
  {
    name: 'lost though a path is active',
    file: 'src/link/liveness.ts',
    find: '    if (this.#pathActive) {\n      this.#isStalled = true;',
    put: '    if (this.#pathActive && nowMs < 0) {\n      this.#isStalled = true;',
  },
  {
    name: 'stalled though no path is active',
    file: 'src/link/liveness.ts',
    find: '    if (!this.#pathActive) return sinceMs + this.#timers.outageMs;',
    put: '    if (!this.#pathActive) return sinceMs + this.#timers.stallMs;',
  },
  {
    name: 'a path that comes back is given no time',
    file: 'src/link/liveness.ts',
    find: 'Math.max(this.#lastHeardMs, this.#pathsSinceMs) + this.#lateMs;',
    put: 'this.#lastHeardMs + this.#lateMs;',
  },
  {
    name: 'resumed is not told',
    file: 'src/link/liveness.ts',
    find: "        this.#outputs.push('resumed');",
    put: '',
  },
  {
    name: 'stalled told again and again',
    file: 'src/link/liveness.ts',
    find: 'return this.#isStalled ? Number.POSITIVE_INFINITY : sinceMs',
    put: 'return sinceMs',
  },
  {
    name: 'no beats',
    file: 'src/link/liveness.ts',
    find: "      this.#outputs.push('beat');",
    put: '',
  },
  {
    name: 'what the peer sends is no sign of its life',
    file: 'src/link/link.ts',
    find: 'if (this.#liveness?.heard() === true) this.#stepLiveness(TICK);',
    put: '',
  },
  {
    name: 'paths are not looked at',
    file: 'src/link/link.ts',
    find: "    this.#stepLiveness({ type: 'paths', active: this.#hasActivePath() });",
    put: '',
  },

  // comings and goings
  {
    name: 'nodeup before nodedown',
    file: 'src/node/links.ts',
    find: "      this.#down(peer, live, live.link.ending ?? 'lost', null);",
    put:
      '      this.#admit(peer, attempt);\n' +
      '      this.#setup.runtime.timers.after(50, () =>\n' +
      "        this.#down(peer, live, live.link.ending ?? 'lost', null));",
  },
  {
    name: 'overlapping partition disconnects',
    file: 'src/node/links.ts',
    find: '    peer.live = null;\n    peer.isLeaving = false;',
    put:
      '    peer.live = null;\n    peer.isLeaving = false;\n' +
      "    if (reason === 'lost' && error?.code === 'ERR_LINK_DOWN') {\n" +
      '      for (const other of this.live) other.link.leave();\n    }',
  },
  {
    name: 'one that leaves is called closed',
    file: 'src/link/link.ts',
    find: "    this.#ending = { end: 'left', error: null };",
    put: "    this.#ending = { end: 'closed', error: null };",
  },
  {
    name: 'one that was killed has left',
    file: 'src/link/link.ts',
    find: '    this.#finish(this.#ending ?? { end, error: asBackplaneError(error) });',
    put:
      "    const told = end === 'closed' ? 'left' : end;\n" +
      '    this.#finish(this.#ending ?? { end: told, error: asBackplaneError(error) });',
  },
  {
    name: 'the answer to a probe does not count',
    file: 'src/node/links.ts',
    find: '      if (isAlive) {\n        peer.claimant = null;',
    put: '      if (isAlive && peer.target === undefined) {\n        peer.claimant = null;',
  },
  {
    name: 'both ends keep the link they dialled',
    file: 'src/link/arbitration.ts',
    find: "localName < peerName ? 'local' : 'peer';",
    put: "localName !== peerName ? 'local' : 'peer';",
  },
  {
    name: 'a second link beside the first',
    file: 'src/node/links.ts',
    find: '    if (live === null) return this.#admit(peer, attempt);',
    put: '    if (live !== undefined) return this.#admit(peer, attempt);',
  },
  {
    name: 'a lost link is not dialled again',
    file: 'src/node/dialler.ts',
    find: '        this.#wait(nowMs, input.jitter);\n        break;\n      case',
    put: '        this.#rest();\n        break;\n      case',
  },
  {
    name: 'a failed dial is the last',
    file: 'src/node/dialler.ts',
    find: "        if (this.#state === 'dialling') this.#wait(nowMs, input.jitter);",
    put: "        if (this.#state === 'dialling') this.#rest();",
  },
  {
    name: 'one that was left is dialled again',
    file: 'src/node/links.ts',
    find: "    peer.target = null;\n    peer.dialler.step(this.#nowMs, { type: 'stop' });",
    put: '',
  },
  {
    name: 'numbers of links do not grow',
    file: 'src/node/links.ts',
    find: '    const linkNumber = peer.linkNumber + 1;',
    put: '    const linkNumber = Math.max(1, peer.linkNumber);',
  },
  {
    name: 'leaving has no deadline',
    file: 'src/node/links.ts',
    find: '    const timer = this.#setup.runtime.timers.after(deadlineMs, () => {',
    put: '    const timer = this.#setup.runtime.timers.after(deadlineMs * 9 + 9999, () => {',
  },
  {
    name: 'a node that is closed leaves a timer',
    file: 'src/node/links.ts',
    find: '    await down;\n    timer.cancel();',
    put: '    await down;',
  },

  // planes
  {
    name: 'redundancy is restored that was never lost',
    file: 'src/node/redundancy.ts',
    find: "if (this.#state === 'lost') this.#change = { state: 'restored', ...now }",
    put: "if (this.#state !== 'full') this.#change = { state: 'restored', ...now }",
  },
  {
    name: 'a plane that goes is not missed',
    file: 'src/node/live-link.ts',
    find: '    tell(this.#describe(event, paths));\n    if (!this.#over) this.#judge(paths);',
    put: '    tell(this.#describe(event, paths));',
  },

  // calls
  {
    name: 'calls outlive their link',
    file: 'src/node/messaging.ts',
    find: '    this.#calls.failAll(name, reason, error);',
    put: '',
  },
  {
    name: 'a call is unsent without evidence',
    file: 'src/node/calls.ts',
    find: '      call.outcome = outcome;',
    put: "      call.outcome = outcome && { type: 'unsent' };",
  },
  {
    name: 'all calls of a node fail with one link',
    file: 'src/node/calls.ts',
    find: '      if (call.to !== to) continue;\n      this.#take(to, id);',
    put: '      this.#take(call.to, id);',
  },
  {
    name: 'calls wait beyond their deadline',
    file: 'src/node/calls.ts',
    find: 'const timer = this.#setup.timers.after(deadlineMs, () => {',
    put: 'const timer = this.#setup.timers.after(deadlineMs + 1000, () => {',
  },
  {
    name: 'an answer leaves the deadline running',
    file: 'src/node/calls.ts',
    find: '        timer.cancel();',
    put: '',
  },
  {
    name: 'the code of a remote failure is lost',
    file: 'src/node/messages.ts',
    find: "      code: typeof code === 'string' ? failureText(code) : null,",
    put: '      code: null,',
  },
  {
    name: 'a failed handler is not told of',
    file: 'src/node/messages.ts',
    find: '  } catch (error) {\n    failed({ name: from, topic, error });\n  }',
    put: '  } catch {}',
  },
];
