/** Errors that the simulation of the configuration must find. */
import type { Mutant } from '../mutants.js';

export const configMutants: readonly Mutant[] = [
  // what is acknowledged, and when
  {
    name: 'acknowledged before the own flush',
    file: 'src/config/sequencer.ts',
    find: 'if (name === this.#core.name) return this.#core.log.durable;',
    put: 'if (name === this.#core.name) return this.#core.log.last.revision;',
  },
  {
    name: "acknowledged before another master's flush",
    file: 'src/config/intake.ts',
    find: 'const stored = this.#snapshot === null ? durable : 0;',
    put: 'const stored = this.#core.log.last.revision;',
  },
  {
    name: 'one master is enough',
    file: 'src/config/sequencer.ts',
    find: 'return Math.min(...record.masters',
    put: 'return Math.max(...record.masters',
  },
  {
    name: 'answered before it is committed',
    file: 'src/config/sequencer.ts',
    find: 'if (revision <= this.#answeredTo) {',
    put: 'if (revision > 0) {',
  },
  {
    name: 'noted as committed before it is',
    file: 'src/config/log.ts',
    find: 'this.#note(operations, this.committedWith(this.#submitted));',
    put: 'this.#note(operations, this.#submitted);',
  },
  {
    name: 'a follower takes all it has for committed',
    file: 'src/config/intake.ts',
    find: 'log.commit(nowMs, Math.min(committed, log.last.revision));',
    put: 'log.commit(nowMs, log.last.revision);',
  },
  {
    name: 'an epoch is not asked of the masters before it',
    file: 'src/config/sequencer.ts',
    find: 'if (before !== null && this.#storedByAll(before) < next.revision) return;',
    put: '',
  },
  // who counts
  {
    name: 'an empty or foreign store is counted by its name',
    file: 'src/config/sessions.ts',
    find: 'return !hello.isSlave && isMaster(record, { name, storeId: hello.storeId });',
    put: 'return !hello.isSlave && record.masters.some((master) => master.name === name);',
  },
  {
    name: 'written while a master does not answer',
    file: 'src/config/sequencer.ts',
    find: 'peer === undefined || peer.isStalled || !peer.hello.canStore',
    put: 'peer === undefined || !peer.hello.canStore',
  },
  {
    name: 'what was there before is not waited for',
    file: 'src/config/sequencer.ts',
    find: 'return to !== null && this.#core.log.committed >= to && this.#hasAll();',
    put: 'return to !== null && this.#hasAll();',
  },
  // recovery
  {
    name: 'back instead of forward',
    file: 'src/config/feeds.ts',
    find: '} else if (isSame && at.revision > log.last.revision) {',
    put: '} else if (isSame && at.revision > log.last.revision + 1e9) {',
  },
  {
    name: 'a longer log is not followed',
    file: 'src/config/source.ts',
    find: 'if (isOwn && revision <= log.last.revision) continue;',
    put: 'if (isOwn) continue;',
  },
  {
    name: 'the fence removed',
    file: 'src/config/source.ts',
    find: 'if (record.lineage === guide.lineage) return record.epoch > guide.epoch;',
    put: 'if (record.lineage === guide.lineage) return record.epoch < guide.epoch;',
  },
  {
    name: 'any log of that length is a part of this one',
    file: 'src/config/feeds.ts',
    find: '} else if (log.hashAt(at.revision) === at.hash) {',
    put: '} else if (log.hashAt(at.revision) !== null) {',
  },
  {
    name: 'slaves are given what is not committed',
    file: 'src/config/feeds.ts',
    find: 'return isMaster ? log.last.revision : log.committed;',
    put: 'return isMaster || true ? log.last.revision : log.committed;',
  },
  {
    name: 'a snapshot of what is not committed',
    file: 'src/config/feeds.ts',
    find: '    const revision = log.committed;\n    const hash',
    put: '    const revision = log.last.revision;\n    const hash',
  },
  {
    name: 'one entry after a snapshot is left out',
    file: 'src/config/feeds.ts',
    find: 'feed.next = snapshot.revision + 1;',
    put: 'feed.next = snapshot.revision + 2;',
  },
  // lineages
  {
    name: 'a slave changes its lineage',
    file: 'src/config/source.ts',
    find: 'return forkFrom(record, guide.lineage) !== null;',
    put: 'return true;',
  },
  {
    name: 'lineages that were forced apart are not told',
    file: 'src/config/member.ts',
    find: 'if (record !== null && isForeign(record, peer)) code',
    put: 'if (record === null && peer.isRefused) code',
  },
  {
    name: 'what a force left behind is not set aside',
    file: 'src/config/intake.ts',
    find: 'if (entries.length === 0) return null;',
    put: 'if (entries.length >= 0) return null;',
  },
  {
    name: 'a force leaves out those at hand',
    file: 'src/config/force.ts',
    find: '({ name }) => name === own || atHand.includes(name)',
    put: '({ name }) => name === own || !atHand.includes(name)',
  },
  {
    name: 'bootstrapped over a store that is not empty',
    file: 'src/config/membership.ts',
    find: "if (log.record !== null) {\n      this.#refuse(ticket, 'the store",
    put: "if (log.failure !== null) {\n      this.#refuse(ticket, 'the store",
  },
  {
    name: 'a forced record is half told',
    file: 'src/config/feeds.ts',
    find: 'const isSame = log.committedWith(feed.next - 1) > 0;',
    put: 'const isSame = true;',
  },
  {
    name: 'a forced record is half noted',
    file: 'src/config/log.ts',
    find: 'this.#note(operations, this.committedWith(this.#submitted));',
    put: 'this.#note(operations, Math.min(this.#submitted, this.#committed));',
  },
  {
    name: 'a master that leaves does not store last',
    file: 'src/config/feeds.ts',
    find: 'left.revision) ? left.revision : left.revision - 1;',
    put: 'left.revision) || true ? left.revision : left.revision - 1;',
  },
  {
    name: 'a sequencer that leaves does not store last',
    file: 'src/config/membership.ts',
    find: 'if (command.name === this.#core.name) log.hold();',
    put: '',
  },
  // requests
  {
    name: 'request ids are not remembered',
    file: 'src/config/state.ts',
    find: 'this.#revisions.set(requestId, revision);',
    put: '',
  },
  {
    name: 'refused, and asked for before',
    file: 'src/config/requests.ts',
    find: "request.type !== 'write' || request.askedAt === null",
    put: "request.type !== 'write' || request.askedAt !== -1",
  },
  {
    name: 'refused, and on its way',
    file: 'src/config/requests.ts',
    find: "ticket.isAppended = request.type !== 'read';",
    put: '',
  },
  {
    name: 'refused, and appended',
    file: 'src/config/sequencer.ts',
    find: '    ticket.isAppended = true;\n',
    put: '',
  },
  // reads, slaves and watches
  {
    name: 'reads go back',
    file: 'src/config/reads.ts',
    find: "return log.committed >= revision ? 'now' : 'later';",
    put: "return 'now';",
  },
  {
    name: 'fresh reads ask nobody',
    file: 'src/config/sequencer.ts',
    find: 'else if (others.length === 0) this.#endRound(round);',
    put: 'else if (others.length >= 0) this.#endRound(round);',
  },
  {
    name: 'the load timeout is not waited for',
    file: 'src/config/reads.ts',
    find: 'return this.#core.nowMs >= this.#loadAtMs;',
    put: 'return true;',
  },
  {
    name: 'shown twice',
    file: 'src/config/reads.ts',
    find: 'for (let at = from + 1; at <= log.committed; at++)',
    put: 'for (let at = from; at <= log.committed; at++)',
  },
  {
    name: 'DOWN is not told',
    file: 'src/config/follower.ts',
    find: 'return !isMasterThere && (this.#hasMet || this.reads.isLoaded);',
    put: 'return false;',
  },
  {
    name: 'DOWN is not withdrawn',
    file: 'src/config/follower.ts',
    find: 'return !isMasterThere && (this.#hasMet || this.reads.isLoaded);',
    put: 'return this.#hasMet;',
  },
  {
    name: 'a watch leaves a revision out',
    file: 'src/config/watch.ts',
    find: 'for (let next = told + 1; next <= revision; next++) {',
    put: 'for (let next = told + 2; next <= revision; next++) {',
  },
  {
    name: 'a watch tells a revision again',
    file: 'src/config/watch.ts',
    find: "    this.#seek(revision);\n    return { type: 'changes'",
    put: "    this.#seek(revision - 1);\n    return { type: 'changes'",
  },
];
