/** Errors in the dispatch of tasks that the simulation must find. */
import type { Mutant } from '../mutants.js';

export const dispatchMutants: readonly Mutant[] = [
  // what becomes of a task whose member is lost
  {
    name: 'at-most-once is begun anew without evidence',
    file: 'src/tasks/dispatcher.ts',
    find: "const isOnce = task.spec.delivery === 'at-most-once';",
    put: 'const isOnce = false;',
  },
  {
    name: 'at-least-once is reported at the first loss',
    file: 'src/tasks/dispatcher.ts',
    find: '(!isOnce && task.doubts < taskAttempts)',
    put: '(!isOnce && task.doubts < 1)',
  },
  {
    name: 'a lost link proves that nothing was begun',
    file: 'src/tasks/submitter.ts',
    find: "mayHaveRun: error.outcome !== 'unsent' };",
    put: 'mayHaveRun: false };',
  },
  {
    name: 'a task that is lost is forgotten',
    file: 'src/tasks/dispatcher.ts',
    find: '        this.#lost(pool, task, input.mayHaveRun);',
    put: '',
  },
  {
    name: 'a task that comes back is forgotten',
    file: 'src/tasks/dispatcher.ts',
    find: '        pool.add(task);\n        break;',
    put: '        break;',
  },
  {
    name: 'what was lost once has surely not run',
    file: 'src/tasks/dispatcher.ts',
    find: "member !== null || task.doubts > 0 ? 'perhaps' : 'no'",
    put: "member !== null ? 'perhaps' : 'no'",
  },
  {
    name: 'what runs has surely not run',
    file: 'src/tasks/dispatcher.ts',
    find: "member !== null || task.doubts > 0 ? 'perhaps' : 'no'",
    put: "task.doubts > 0 ? 'perhaps' : 'no'",
  },
  {
    name: 'members that leave are still given tasks',
    file: 'src/tasks/submitter.ts',
    find: "        if (pool !== null) this.#step({ type: 'gone', pool, name });",
    put: '',
  },

  // who gets it
  {
    name: 'the heaviest member gets the next task',
    file: 'src/tasks/pool-members.ts',
    find: 'return load(one) * other.concurrency < load(other) * one.concurrency;',
    put: 'return load(one) * other.concurrency > load(other) * one.concurrency;',
  },
  {
    name: 'the oldest goes first, however urgent another is',
    file: 'src/tasks/waiting-line.ts',
    find: 'const level = this.#levels[item.priority] as Level<T>;',
    put: 'const level = this.#levels[0] as Level<T>;',
  },
  {
    name: 'the least urgent goes first',
    file: 'src/tasks/waiting-line.ts',
    find: '      if (first !== null) return first.item;',
    put: '      if (first !== null) return this.#levels[0]?.first?.item ?? first.item;',
  },
  {
    name: 'what had its turn before goes last',
    file: 'src/tasks/waiting-line.ts',
    find: 'if (level.last !== null && item.order < level.last.item.order) {',
    put: 'if (level.last !== null && item.order < 0) {',
  },
  {
    name: 'keys go to anybody',
    file: 'src/tasks/pool-members.ts',
    find: 'task.line = key === null ? this.#open : this.#homeOf(key);',
    put: 'task.line = this.#open;',
  },
  {
    name: 'keys that wait stay with a member that has gone',
    file: 'src/tasks/pool-members.ts',
    find: '    member.isMember = false;\n    this.#rehome();',
    put: '    member.isMember = false;',
  },
  {
    name: 'a member comes, and keys stay where they were',
    file: 'src/tasks/pool-members.ts',
    find: '    if (isNew) this.#rehome();',
    put: '    if (isNew && this.#members.size < 2) this.#rehome();',
  },
  {
    name: 'a member is given more than it takes',
    file: 'src/tasks/dispatcher.ts',
    find: 'member.outstanding < member.concurrency + member.ahead;',
    put: 'member.outstanding < member.concurrency + member.ahead + 20;',
  },

  // room
  {
    name: 'a member runs more at once than it said',
    file: 'src/tasks/pool.ts',
    find: '    if (this.#running < concurrency) void this.#start(job);',
    put: '    if (this.#running <= concurrency) void this.#start(job);',
  },
  {
    name: 'nobody is told of room',
    file: 'src/tasks/pool.ts',
    find: 'const hearing = new Set(this.#wanting);',
    put: 'const hearing = new Set<string>();',
  },
  {
    name: 'nobody hears that a member is not busy with others any more',
    file: 'src/tasks/pool.ts',
    find: '      if (2 * this.#othersThan(from) <= others) hearing.add(from);\n',
    put: '',
  },
  {
    name: 'who is refused is not remembered',
    file: 'src/tasks/pool.ts',
    find: '      this.#wanting.add(caller.from);',
    put: '',
  },
  {
    name: 'what waits at a member is not begun',
    file: 'src/tasks/pool.ts',
    find: '    this.#startNext();\n    for (const again',
    put: '    for (const again',
  },
  {
    name: 'a word of room that overtakes a refusal is lost',
    file: 'src/tasks/dispatcher.ts',
    find: '        else if (isNews(member, input.load)) this.#hear(member, input.load, true);',
    put: '        else this.#hear(member, input.load, true);',
  },
  {
    name: 'a member that could not be given a task is never tried again',
    file: 'src/tasks/dispatcher.ts',
    find: '      one.isResting = false;',
    put: '',
  },
  {
    name: 'a stalled member is never given a task again',
    file: 'src/tasks/dispatcher.ts',
    find: "      case 'resumed':\n        this.#stalled.delete(input.name);",
    put: "      case 'resumed':",
  },
  {
    name: 'a place that is given up is not free again',
    file: 'src/tasks/dispatcher.ts',
    find: '      this.#free(pool, task, member);\n    }\n    this.#settle',
    put: '    }\n    this.#settle',
  },

  // deadlines, cancellation, draining
  {
    name: 'no deadlines',
    file: 'src/tasks/submitter.ts',
    find: '    this.#alarm.set(machine.deadline());',
    put: '',
  },
  {
    name: 'the handler of what is given up is not told',
    file: 'src/tasks/submitter.ts',
    find: '        return entry.controller.abort(givenUp());',
    put: '        return undefined;',
  },
  {
    name: 'a pool that drains begins new tasks',
    file: 'src/tasks/pool.ts',
    find: '    if (this.#isDraining || signal.aborted) return this.#refuse(caller, false);',
    put: '    if (signal.aborted) return this.#refuse(caller, false);',
  },
  {
    name: 'a pool that drains begins what waits',
    file: 'src/tasks/pool.ts',
    find: '    for (const job of [...this.#line]) {',
    put: '    for (const job of [] as Job[]) {',
  },
  {
    name: 'a pool is drained while it runs',
    file: 'src/tasks/pool.ts',
    find: '    if (this.#running === 0) return Promise.resolve();',
    put: '    if (this.#running >= 0) return Promise.resolve();',
  },
  {
    name: 'closing does not end what waits',
    file: 'src/tasks/dispatcher.ts',
    find: "this.#giveUp(task, 'ERR_CLOSED', 'closed');",
    put: "if (task.member !== null) this.#giveUp(task, 'ERR_CLOSED', 'closed');",
  },

  // results
  {
    name: 'a member forgets what it has done',
    file: 'src/tasks/pool.ts',
    find: '      this.#remembered.add(key, outcome.value);',
    put: '',
  },
  {
    name: 'a member does at once again what it does',
    file: 'src/tasks/pool.ts',
    find: '      if (same !== undefined) return this.#ask(same, caller, signal);',
    put: '',
  },
  {
    name: 'progress is told to another task',
    file: 'src/tasks/submitter.ts',
    find: '    if (entry?.attempt === attempt && entry.member === from) entry.handle.tell(value);',
    put: '    this.#entries.get(id + 1)?.handle.tell([value, entry, from, attempt][0]);',
  },
  {
    name: 'a result overtakes what was told before it',
    file: 'src/tasks/tasks.ts',
    find: '        await this.#telling.get(tellingKey({ from, ...request }))?.over;\n',
    put: '',
  },
  {
    name: 'a failure is a result',
    file: 'src/tasks/submitter.ts',
    find: "  if (answer.type === 'done') return resolve(answer.result);",
    put: "  if (answer.type !== 'refused') return resolve(Reflect.get(answer, 'result'));",
  },
  {
    name: 'a member that was not served yet is never asked again',
    file: 'src/tasks/submitter.ts',
    find: '      if (hello === null) this.#greetLater(pool, name);\n      else',
    put: '      if (hello !== null)',
  },
];
