/** Random lives of a dispatcher, judged at every output; a failure names its seed. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { DispatchInput, DispatchOutput, TaskSpec } from '../../../src/tasks/dispatch-io.js';
import { Dispatcher } from '../../../src/tasks/dispatcher.js';
import { SeededRandom } from '../../random.js';
import { LIMITS } from './dispatch.js';

const SEEDS = 300;
const STEPS = 400;
const NAMES = ['a', 'b', 'c', 'd'] as const;
const POOLS = ['p', 'q'] as const;

/** A member as it really is: what it runs, and what it said. */
interface Real {
  readonly pool: string;
  readonly name: string;
  readonly concurrency: number;
  readonly runs: Set<number>;
  ended: number;
  isThere: boolean;
  isWanted: boolean;
}

interface Known {
  readonly spec: TaskSpec;
  attempt: number;
  at: Real | null;
  mayHaveRun: boolean;
  isOver: boolean;
  dueMs: number;
}

class Life {
  nowMs = 0;
  readonly machine = new Dispatcher(LIMITS);
  readonly random: SeededRandom;
  readonly tasks = new Map<number, Known>();
  readonly members = new Map<string, Real>();
  readonly stalled = new Set<string>();
  lastId = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  step(input: DispatchInput): void {
    this.machine.step(this.nowMs, input);
    for (let output = this.machine.poll(); output !== null; output = this.machine.poll()) {
      this.judge(output);
    }
    const alive = [...this.tasks.values()].filter(({ isOver }) => !isOver);
    assert.equal(this.machine.size, alive.length);
  }

  judge(output: DispatchOutput): void {
    const task = this.tasks.get(output.id) as Known;
    assert.ok(task !== undefined && !task.isOver, 'nothing is told of a task that is over');
    switch (output.type) {
      case 'run':
        return this.begun(task, output.attempt, output.member);
      case 'abort':
        assert.ok(task.at !== null, 'what waits is not aborted');
        task.at.runs.delete(output.id);
        task.at = null;
        task.mayHaveRun = true;
        return;
      case 'settle': {
        const { end } = output;
        task.isOver = true;
        assert.equal(task.at, null, 'what is over is nowhere');
        if (end.type !== 'failed') return;
        assert.equal(end.ran, task.mayHaveRun ? 'perhaps' : 'no');
        if (end.code === 'ERR_TIMEOUT') assert.ok(this.nowMs >= task.dueMs);
      }
    }
  }

  begun(task: Known, attempt: number, name: string): void {
    const { spec } = task;
    assert.equal(task.at, null, 'one attempt at a time');
    assert.equal(attempt, task.attempt + 1);
    if (spec.delivery === 'at-most-once') assert.equal(task.mayHaveRun, false);
    assert.ok(this.nowMs < task.dueMs || spec.deadlineMs === null, 'nothing begins too late');
    const member = this.members.get(`${spec.pool} ${name}`) as Real;
    assert.ok(member?.isThere, 'only members are given tasks');
    assert.ok(!this.stalled.has(name), 'none that is stalled is');
    assert.ok(member.runs.size < member.concurrency, 'none has more than it takes');
    for (const { spec: other, at, isOver } of this.tasks.values()) {
      const isRival = other.pool === spec.pool && other.key === null && at === null && !isOver;
      if (isRival && spec.key === null) assert.ok(other.priority <= spec.priority, 'priority');
    }
    task.attempt = attempt;
    task.at = member;
    member.runs.add(spec.id);
  }

  one(): void {
    const { random } = this;
    const dice = random.unit();
    const running = [...this.tasks.values()].filter(({ at }) => at !== null);
    if (dice < 0.3) this.submit();
    else if (dice < 0.65 && running.length > 0) this.end(random.pick(running));
    else if (dice < 0.72) this.come();
    else if (dice < 0.78) this.go();
    else if (dice < 0.82) this.down();
    else if (dice < 0.86) this.stall();
    else if (dice < 0.92 && this.lastId > 0) {
      const id = random.whole(1, this.lastId);
      this.step({ type: 'cancel', id });
    } else if (dice < 0.97) this.pass(random.exponential(60));
    // A loop that is late: what is due has to wait for whatever comes next.
    else this.nowMs += random.exponential(60);
  }

  submit(): void {
    const { random } = this;
    const id = ++this.lastId;
    const spec: TaskSpec = {
      id,
      pool: random.pick(POOLS),
      delivery: random.pick(['at-least-once', 'at-most-once']),
      key: random.chance(0.3) ? random.pick(['x', 'y', 'z']) : null,
      priority: random.pick([0, 0, 3, 9]),
      deadlineMs: random.chance(0.2) ? random.whole(1, 200) : null,
    };
    const dueMs = this.nowMs + (spec.deadlineMs ?? 0);
    const known = { spec, attempt: 0, at: null, mayHaveRun: false, isOver: false, dueMs };
    this.tasks.set(id, known);
    this.step({ type: 'submit', task: spec });
  }

  /** An attempt ends in one of the ways there are. */
  end(task: Known): void {
    const { random } = this;
    // What is due is given up first, whatever comes.
    this.step({ type: 'tick' });
    const member = task.at;
    if (member === null) return;
    const { id } = task.spec;
    const which = { id, attempt: task.attempt };
    member.runs.delete(id);
    task.at = null;
    const dice = random.unit();
    if (dice < 0.75) {
      member.ended++;
      this.step({ type: 'answered', ...which, answer: id, load: this.load(member) });
    } else if (dice < 0.87) {
      const isFull = random.chance(0.7);
      member.isWanted ||= isFull;
      this.step({ type: 'refused', ...which, isFull, load: this.load(member) });
    } else if (dice < 0.9) this.step({ type: 'unfit', ...which, error: 'unfit' });
    else this.lost(task, which);
    if (!member.isWanted || random.chance(0.5)) return;
    member.isWanted = false;
    member.ended++;
    const { pool, name } = member;
    this.step({ type: 'room', pool, name, load: this.load(member) });
  }

  lost(task: Known, which: { readonly id: number; readonly attempt: number }): void {
    const mayHaveRun = this.random.chance(0.6);
    task.mayHaveRun ||= mayHaveRun;
    this.step({ type: 'lost', ...which, mayHaveRun });
  }

  load({ ended }: Real) {
    return { ended, others: this.random.below(3) };
  }

  come(): void {
    const { random } = this;
    const [pool, name] = [random.pick(POOLS), random.pick(NAMES)];
    const known = this.members.get(`${pool} ${name}`);
    const fresh = { pool, name, concurrency: random.whole(1, 4), runs: new Set<number>() };
    const member = known ?? { ...fresh, ended: 0, isThere: true, isWanted: false };
    member.isThere = true;
    member.isWanted = false;
    this.members.set(`${pool} ${name}`, member);
    const { concurrency } = member;
    const load = this.load(member);
    this.step({ type: 'member', pool, name, concurrency, ahead: 0, load });
  }

  go(): void {
    const members = [...this.members.values()];
    if (members.length === 0) return;
    const { pool, name } = this.random.pick(members);
    (this.members.get(`${pool} ${name}`) as Real).isThere = false;
    this.step({ type: 'gone', pool, name });
  }

  /** A link is over: all that it had is told as lost, as the node does it. */
  down(): void {
    const name = this.random.pick(NAMES);
    this.step({ type: 'tick' });
    this.stalled.delete(name);
    for (const member of this.members.values()) if (member.name === name) member.isThere = false;
    this.step({ type: 'down', name });
    for (const task of this.tasks.values()) {
      if (task.at?.name !== name) continue;
      task.at.runs.delete(task.spec.id);
      task.at = null;
      this.lost(task, { id: task.spec.id, attempt: task.attempt });
    }
  }

  stall(): void {
    const name = this.random.pick(NAMES);
    if (this.stalled.delete(name)) this.step({ type: 'resumed', name });
    else {
      this.stalled.add(name);
      this.step({ type: 'stalled', name });
    }
  }

  pass(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      const atMs = this.machine.deadline();
      if (atMs === null || atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.step({ type: 'tick' });
    }
    this.nowMs = endMs;
  }

  /** All is well from now on: then every task comes to its end. */
  calm(): void {
    for (const name of [...this.stalled]) {
      this.stalled.delete(name);
      this.step({ type: 'resumed', name });
    }
    for (const pool of POOLS) {
      this.members.set(`${pool} z`, {
        ...{ pool, name: 'z', concurrency: 2, runs: new Set<number>() },
        ...{ ended: 0, isThere: true, isWanted: false },
      });
      const load = { ended: 0, others: 0 };
      this.step({ type: 'member', pool, name: 'z', concurrency: 2, ahead: 0, load });
      for (const { name, isThere } of [...this.members.values()]) {
        if (name !== 'z' && isThere) this.step({ type: 'gone', pool, name });
      }
    }
    for (const member of this.members.values()) if (member.name !== 'z') member.isThere = false;
    for (let round = 0; this.machine.size > 0; round++) {
      assert.ok(round < 10_000, `${this.machine.size} tasks do not come to an end`);
      const task = [...this.tasks.values()].find(({ at }) => at !== null);
      assert.ok(task !== undefined, 'tasks wait though a member has nothing to do');
      const member = task.at as Real;
      const which = { id: task.spec.id, attempt: task.attempt };
      member.runs.delete(task.spec.id);
      task.at = null;
      member.ended++;
      const load = { ended: member.ended, others: 0 };
      this.step({ type: 'answered', ...which, answer: 0, load });
    }
    this.pass(1000);
    assert.equal(this.machine.deadline(), null);
  }
}

test('whatever happens, every promise of the dispatcher holds, and every task ends', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const life = new Life(seed);
    try {
      for (let count = 0; count < STEPS; count++) life.one();
      life.calm();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
});
