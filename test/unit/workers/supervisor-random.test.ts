/**
 * Supervisors under random descriptions, commands and processes; each seed is a life of its own.
 * What holds at every step is judged at every step, and when nothing fails any more everything has
 * to come to be as it is desired.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Supervisor } from '../../../src/workers/supervisor.js';
import type { Ending, SupervisorInput } from '../../../src/workers/supervisor-io.js';
import {
  type Desired,
  groupSpec,
  type WorkerSpec,
  workerSpec,
} from '../../../src/workers/worker-spec.js';
import { SeededRandom } from '../../random.js';

const LIVES = 1000;
const STEPS = 250;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const GROUPS = ['default', 'other'];
/** By then, without failures, all has come to rest: longer than all pauses and deadlines. */
const REST_MS = 400_000;

interface Process {
  readonly spec: WorkerSpec;
  isReady: boolean;
  isStopping: boolean;
}

/** The processes of one host, and what has to hold of them. */
class World {
  readonly dice: SeededRandom;
  nowMs = 0;
  machine = new Supervisor(0);
  desired: Desired = { workers: [], groups: [], refused: [] };
  readonly processes = new Map<string, Process>();
  readonly #finished = new Map<string, { spec: WorkerSpec; ending: Ending }>();
  readonly #restartsMs = new Map<string, number[]>();
  readonly held = new Set<string>();
  isSuspended = false;
  isCalm = false;

  constructor(seed: number) {
    this.dice = new SeededRandom(seed);
  }

  step(input: SupervisorInput): void {
    this.machine.step(this.nowMs, input);
    for (let output = this.machine.poll(); output !== null; output = this.machine.poll()) {
      if (output.type === 'start') this.#started(output.spec);
      else if (output.type === 'signal') this.#signalled(output.worker, output.signal);
      else if (output.event.type === 'restarting') this.#restarted(output.event.worker);
      else if (output.event.type === 'forgotten') this.held.delete(output.event.worker);
      else if (output.event.type === 'finished') {
        const { worker } = output.event;
        const spec = this.specOf(worker);
        if (spec !== undefined) this.#finished.set(worker, { spec, ending: { kind: 'lost' } });
      } else if (output.event.type === 'taken-up') this.#restartsMs.clear();
    }
  }

  specOf(name: string): WorkerSpec | undefined {
    return this.desired.workers.find((spec) => spec.name === name);
  }

  #started(spec: WorkerSpec): void {
    assert.ok(!this.processes.has(spec.name), `${spec.name} was started twice`);
    assert.equal(this.specOf(spec.name)?.launch, spec.launch, 'started as it is not desired');
    assert.ok(!this.held.has(spec.name) && !this.isSuspended, 'started though it must not run');
    this.#finished.delete(spec.name);
    this.processes.set(spec.name, { spec, isReady: false, isStopping: false });
  }

  #signalled(name: string, signal: number): void {
    const process = this.processes.get(name);
    assert.ok(process !== undefined, `${name} got a signal and does not run`);
    process.isStopping = true;
    if (signal === 9) return;
    // Of those in one group one after the other is asked to stop.
    const { workers } = this.machine.view(this.nowMs);
    const group = workers.find((each) => each.name === name)?.group;
    for (const { name: other, group: of, state } of workers) {
      if (of !== group || state !== 'stopping') continue;
      assert.ok(this.processes.get(other)?.isStopping, `${other} is asked to stop with ${name}`);
    }
  }

  #restarted(name: string): void {
    const { group } = this.specOf(name) as WorkerSpec;
    const { intensity, periodMs } =
      this.desired.groups.find((each) => each.name === group) ?? groupSpec(group, {});
    const times = (this.#restartsMs.get(group) ?? []).filter((ms) => this.nowMs - ms <= periodMs);
    times.push(this.nowMs);
    assert.ok(times.length <= intensity, `${times.length} restarts within the period`);
    this.#restartsMs.set(group, times);
  }

  end(name: string, ending: Ending): void {
    this.processes.delete(name);
    this.step({ type: 'ended', worker: name, ending });
  }

  /** Meets deadlines up to a time; in calm, processes become ready and stop at once. */
  passTo(untilMs: number): void {
    for (let rounds = 0; rounds < 10_000; rounds++) {
      if (this.isCalm && this.#obey()) continue;
      const dueMs = this.machine.deadline();
      if (dueMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.step({ type: 'tick' });
      assert.ok(this.machine.deadline() > this.nowMs, 'a deadline that stays');
    }
    assert.fail('it never comes to rest');
  }

  #obey(): boolean {
    for (const [name, process] of this.processes) {
      if (process.isStopping) {
        this.end(name, { kind: 'signal', signal: 15 });
        return true;
      }
      if (!process.isReady) {
        process.isReady = true;
        this.step({ type: 'ready', worker: name });
        return true;
      }
    }
    return false;
  }

  desire(): void {
    const { dice } = this;
    const strategies = ['one-for-one', 'one-for-all', 'rest-for-one'];
    const workers = NAMES.filter(() => dice.chance(0.8)).map((name) =>
      workerSpec(name, {
        command: ['run', String(dice.below(3))],
        group: dice.pick(GROUPS),
        order: dice.below(3),
        restart: dice.pick(['permanent', 'permanent', 'transient', 'temporary']),
        readyMs: dice.whole(1, 2000),
        stopMs: dice.whole(1, 2000),
      }),
    );
    const groups = GROUPS.filter(() => dice.chance(0.7)).map((name) =>
      groupSpec(name, {
        strategy: dice.pick(strategies),
        intensity: dice.below(6),
        periodMs: dice.whole(1, 10_000),
      }),
    );
    // Changed settings of a group are a new beginning.
    this.#restartsMs.clear();
    this.desired = { workers, groups, refused: [] };
    this.step({ type: 'desire', desired: this.desired });
  }

  /** The controller is killed, and the next one finds what there is. */
  adopt(): void {
    this.machine = new Supervisor(this.nowMs);
    this.held.clear();
    this.isSuspended = false;
    this.#restartsMs.clear();
    for (const [name, { spec, isReady, isStopping }] of this.processes) {
      this.step({ type: 'adopted', spec, pid: 1, isReady, isStopping });
      if (this.dice.chance(0.1)) this.end(name, { kind: 'lost' });
    }
    for (const { spec, ending } of this.#finished.values()) {
      this.step({ type: 'remembered', spec, ending });
    }
    this.step({ type: 'desire', desired: this.desired });
  }

  /** Something happens. */
  happen(): void {
    const { dice } = this;
    const running = [...this.processes.keys()];
    const name = running.length > 0 ? dice.pick(running) : null;
    const chance = dice.unit();
    if (chance < 0.04) this.desire();
    else if (chance < 0.06) this.adopt();
    else if (chance < 0.1) this.#command(dice.pick(NAMES));
    else if (chance < 0.12) {
      this.isSuspended = !this.isSuspended;
      this.step({ type: 'suspend', reason: 'drain', isOn: this.isSuspended });
    } else if (chance < 0.3) this.passTo(this.nowMs + dice.exponential(800));
    else if (name !== null) this.#process(name);
  }

  #command(worker: string): void {
    const command = this.dice.pick(['start', 'stop', 'restart'] as const);
    if (this.machine.has(worker)) {
      if (command === 'stop') this.held.add(worker);
      else this.held.delete(worker);
    }
    this.step({ type: 'command', command, worker });
  }

  #process(name: string): void {
    const process = this.processes.get(name) as Process;
    const { dice } = this;
    if (process.isStopping || dice.chance(0.15)) {
      const code = dice.below(2);
      const endings: Ending[] = [
        { kind: 'code', code },
        { kind: 'signal', signal: 9 },
      ];
      return this.end(name, dice.pick([...endings, { kind: 'lost' }]));
    }
    if (!process.isReady) {
      process.isReady = true;
      this.step({ type: 'ready', worker: name });
    } else if (dice.chance(0.1)) this.step({ type: 'stalled', worker: name });
  }

  /** What is left when nothing fails any more. */
  judge(): void {
    const { workers, groups } = this.machine.view(this.nowMs);
    const names = new Set(workers.map(({ name }) => name));
    for (const { name } of this.desired.workers) assert.ok(names.has(name), `${name} is not known`);
    for (const { name, state, group, isStale, isHeld } of workers) {
      const spec = this.specOf(name);
      const isGivenUp = groups.find((each) => each.name === group)?.givenUp !== null;
      assert.ok(spec !== undefined, `${name} is known still`);
      const mayRest = isHeld || isGivenUp || this.isSuspended;
      const expected = mayRest ? ['stopped', 'given-up', 'finished'] : ['ready', 'finished'];
      assert.ok(expected.includes(state), `${name} is ${state}`);
      assert.ok(state !== 'finished' || spec.restart !== 'permanent', `${name} must not finish`);
      assert.equal(isStale, false);
      assert.equal(isHeld, this.held.has(name));
      assert.equal(this.processes.get(name)?.isReady ?? false, state === 'ready');
    }
  }
}

test('whatever happens, workers run as they are desired, and never twice', () => {
  const base = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  for (let life = 0; life < LIVES; life++) {
    const seed = base + life;
    try {
      const world = new World(seed);
      world.desire();
      for (let i = 0; i < STEPS; i++) world.happen();
      world.isCalm = true;
      world.passTo(world.nowMs + REST_MS);
      world.judge();
    } catch (error) {
      throw new Error(`SEED=${seed}`, { cause: error });
    }
  }
});
