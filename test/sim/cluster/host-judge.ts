/**
 * Judges one supervisor, step by step: whatever it does needs a reason, and whatever there is a
 * reason for it does at once.
 */
import { stopSignals } from '../../../src/workers/signals.js';
import type { Supervisor } from '../../../src/workers/supervisor.js';
import type {
  SupervisedView,
  SupervisorEvent,
  SupervisorInput,
  SupervisorOutput,
  WorkerState,
} from '../../../src/workers/supervisor-io.js';
import type { WorkerSpec } from '../../../src/workers/worker-spec.js';
import { type GroupFact, HostFacts, type WorkerFact } from './host-facts.js';
import type { HostWorld } from './host-world.js';

type EventOf<Type extends SupervisorEvent['type']> = Extract<
  SupervisorEvent,
  { readonly type: Type }
>;
type Signal = Extract<SupervisorOutput, { readonly type: 'signal' }>;

export class HostJudge {
  readonly facts: HostFacts;
  readonly #world: HostWorld;
  readonly #machine: Supervisor;
  /** A signal that was not explained yet. */
  #signal: Signal | null = null;
  /** Groups whose next to be replaced was chosen in this turn. */
  readonly #rolled = new Set<string>();

  constructor(world: HostWorld, machine: Supervisor) {
    this.#world = world;
    this.#machine = machine;
    this.facts = new HostFacts((worker) => world.truth.mayStart(worker));
  }

  /** Something is about to be told to the supervisor. */
  before(nowMs: number, input: SupervisorInput): void {
    this.facts.expected.clear();
    this.#rolled.clear();
    this.facts.happened(nowMs, input);
  }

  /** It does something. */
  output(nowMs: number, output: SupervisorOutput): void {
    if (this.#signal !== null && output.type !== 'tell') {
      this.#violated(`a signal to ${this.#signal.worker} is not told`);
    }
    if (output.type === 'signal') this.#signal = output;
    else if (output.type === 'start') this.#started(nowMs, output.spec);
    else this.#told(nowMs, output.event);
  }

  /** It does nothing more. */
  after(nowMs: number): void {
    const { facts } = this;
    for (const what of facts.expected) this.#violated(`it does not tell: ${what}`);
    if (this.#signal !== null) this.#violated(`a signal to ${this.#signal.worker} is not told`);
    if (facts.isDesireKnown) {
      for (const fact of facts.workers.values()) this.#judgeWorker(nowMs, fact);
      for (const name of facts.groups.keys()) this.#judgeGroup(nowMs, name);
      this.#judgeRest();
    }
    const dueMs = this.#machine.deadline();
    const wantedMs = facts.dueMs(nowMs);
    if (dueMs !== wantedMs) this.#violated(`it wants to be called at ${dueMs}, not ${wantedMs}`);
  }

  /** What it shows. */
  look(nowMs: number): void {
    const { facts } = this;
    const { workers, groups, suspended } = this.#machine.view(nowMs);
    const names = workers.map(({ name }) => name).join();
    const known = [...facts.workers.keys()].sort().join();
    if (names !== known) return this.#violated(`it shows workers ${names}, not ${known}`);
    for (const view of workers) this.#judgeView(nowMs, view);
    if (suspended.join() !== [...facts.suspended].join()) {
      this.#violated(`it shows ${suspended} as suspended`);
    }
    for (const { name, givenUp } of groups) {
      const fact = facts.groups.get(name);
      const known = fact?.givenUp ?? null;
      const isSame = givenUp?.sinceMs === known?.sinceMs && givenUp?.worker === known?.worker;
      if (!isSame) this.#violated(`it shows ${name} as ${JSON.stringify(givenUp)}`);
    }
  }

  #violated(what: string): void {
    this.#world.violated(`supervisor: ${what}`);
  }

  #judgeView(nowMs: number, view: SupervisedView): void {
    const { name, ...shown } = view;
    const fact = this.facts.workers.get(name) as WorkerFact;
    const { spec, sinceMs, pid, restarts, lastEnding, isStale, isHeld } = fact;
    const rest = { sinceMs, pid, restarts, lastEnding, isStale, isHeld };
    const expected = { group: spec.group, state: this.#stateOf(nowMs, fact), ...rest };
    let key: keyof typeof expected;
    for (key in expected) {
      const [is, value] = [shown[key], expected[key]];
      if (is === value) continue;
      const text = `${JSON.stringify(is)}, not ${JSON.stringify(value)}`;
      this.#violated(`it shows ${name} with ${key} ${text}`);
    }
  }

  #stateOf(nowMs: number, fact: WorkerFact): WorkerState {
    if (fact.phase === 'up') return 'ready';
    if (fact.phase === 'starting') return 'starting';
    if (fact.phase !== 'down') return 'stopping';
    if (this.facts.isWanted(fact)) return fact.notBeforeMs > nowMs ? 'pausing' : 'waiting';
    if (fact.isFinished) return 'finished';
    return this.facts.groupOf(fact).givenUp !== null && !fact.isHeld ? 'given-up' : 'stopped';
  }

  // --- what it does

  #started(nowMs: number, spec: WorkerSpec): void {
    const { facts } = this;
    const { name } = spec;
    const fact = facts.workers.get(name);
    if (fact === undefined || !facts.isDesireKnown || !fact.isDesired) {
      return this.#violated(`${name} starts, and nobody desires it`);
    }
    const refuse = (why: string) => this.#violated(`${name} starts, and ${why}`);
    this.#roll(spec.group);
    this.#world.truth.starts(spec);
    if (fact.spec.launch !== spec.launch) refuse('it is to be another');
    if (!facts.isWanted(fact)) refuse('it is not wanted now');
    if (fact.phase !== 'down') refuse(`it is ${fact.phase}`);
    if (fact.notBeforeMs > nowMs) refuse(`it is to wait until ${fact.notBeforeMs}`);
    const members = facts.membersOf(spec.group);
    const stops = members.find(({ mustStop }) => mustStop === 'together');
    if (stops !== undefined) refuse(`${stops.name} has to stop first`);
    const first = members.slice(0, members.indexOf(fact)).find((each) => {
      return facts.isWanted(each) && each.phase !== 'up' && !each.isSettled;
    });
    if (first !== undefined) refuse(`${first.name} is not ready`);
    fact.become(nowMs, 'starting', nowMs + spec.readyMs);
    fact.launch = spec.launch;
    fact.isStalled = false;
    facts.expected.add(`starting ${name}`);
    this.#world.counts.starts++;
  }

  #told(nowMs: number, event: SupervisorEvent): void {
    const { expected } = this.facts;
    switch (event.type) {
      case 'stopping':
        return this.#stopping(nowMs, event.worker);
      case 'killed':
        return this.#killed(nowMs, event);
      case 'restarting':
        return this.#restarting(nowMs, event);
      case 'given-up':
        return this.#givenUp(nowMs, event);
      case 'finished':
        return this.#finished(event.worker);
      case 'suspended':
        return this.#atRest();
      default: {
        let text = event.type === 'taken-up' ? `taken-up ${event.group}` : '';
        if ('worker' in event) text = `${event.type} ${event.worker}`;
        if (event.type === 'ended') text += ` ${JSON.stringify(event.ending)} ${event.isExpected}`;
        if (!expected.delete(text)) this.#violated(`it tells: ${text}, and that is not so`);
      }
    }
  }

  #mustHaveSent(worker: string, signal: number): void {
    const sent = this.#signal;
    this.#signal = null;
    if (sent?.worker === worker && sent.signal === signal) return;
    this.#violated(`${worker} is to get signal ${signal}, not ${sent?.worker} ${sent?.signal}`);
  }

  #stopping(nowMs: number, name: string): void {
    const { facts } = this;
    const fact = facts.workers.get(name);
    if (fact === undefined || !facts.isDesireKnown) {
      return this.#violated(`${name} is to stop, and nothing is known of it`);
    }
    this.#mustHaveSent(name, stopSignals[fact.spec.stopSignal]);
    this.#roll(fact.spec.group);
    const refuse = (why: string) => this.#violated(`${name} is to stop, and ${why}`);
    if (!fact.isRunning) refuse(`it is ${fact.phase}`);
    if (!this.#mustStop(fact)) refuse('there is no reason');
    const members = facts.membersOf(fact.spec.group);
    const other = members.find(({ phase }) => phase === 'stopping');
    if (other !== undefined) refuse(`${other.name} has not stopped yet`);
    const later = members.slice(members.indexOf(fact) + 1).find((each) => this.#mustStop(each));
    if (later !== undefined) refuse(`${later.name} goes first`);
    fact.become(nowMs, 'stopping', nowMs + fact.spec.stopMs);
    this.#world.counts.stops++;
  }

  /** It runs, and should not. */
  #mustStop(fact: WorkerFact): boolean {
    return fact.isRunning && (fact.mustStop !== null || !this.facts.isWanted(fact));
  }

  #killed(nowMs: number, { worker, why }: EventOf<'killed'>): void {
    const fact = this.facts.workers.get(worker);
    this.#mustHaveSent(worker, stopSignals.SIGKILL);
    if (fact === undefined || !this.facts.isDesireKnown) {
      return this.#violated(`${worker} is killed, and nothing is known of it`);
    }
    const isOverdue = fact.dueMs <= nowMs;
    const reasons = {
      stop: isOverdue && fact.phase === 'stopping',
      late: isOverdue && fact.phase === 'starting',
      stalled: fact.isStalled && fact.isRunning && !isOverdue,
    };
    if (!reasons[why]) this.#violated(`${worker} is killed (${why}) and is ${fact.phase}`);
    if (fact.phase === 'stopping') fact.dueMs = Number.POSITIVE_INFINITY;
    else fact.become(nowMs, 'killing');
    this.#world.counts[why === 'stop' ? 'killedStopping' : why]++;
  }

  #finished(worker: string): void {
    const fact = this.facts.workers.get(worker);
    if (this.facts.expected.delete(`finished ${worker}`)) return this.#finishedWith(fact);
    if (fact?.hasFailed !== true || !endsForGood(fact)) {
      return this.#violated(`${worker} is told to have finished, and has not`);
    }
    fact.hasFailed = false;
    fact.isFinished = true;
    this.#finishedWith(fact);
  }

  #finishedWith(fact: WorkerFact | undefined): void {
    this.#world.counts.finished++;
    if (fact !== undefined) this.#world.truth.finished(fact.spec);
  }

  /** The group of one that has failed and is to start again, with this failure counted. */
  #failed(nowMs: number, type: string, worker: string): GroupFact | null {
    const { facts } = this;
    const fact = facts.workers.get(worker);
    if (fact?.hasFailed !== true || endsForGood(fact) || !facts.isWanted(fact)) {
      this.#violated(`it tells ${type} of ${worker}, which has not failed`);
      return null;
    }
    fact.hasFailed = false;
    const group = facts.groupOf(fact);
    const { periodMs } = group.spec;
    group.restartsMs = [...group.restartsMs.filter((atMs) => nowMs - atMs <= periodMs), nowMs];
    return group;
  }

  #restarting(nowMs: number, { type, worker, delayMs }: EventOf<'restarting'>): void {
    const group = this.#failed(nowMs, type, worker);
    if (group === null) return;
    const fact = this.facts.workers.get(worker) as WorkerFact;
    const { intensity, backoff, strategy, name } = group.spec;
    const count = group.restartsMs.length;
    if (count > intensity) this.#violated(`${worker} is restart ${count} of ${intensity} at most`);
    const pauseMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.max(0, fact.failures - 1));
    const expectedMs = fact.failures === 0 ? 0 : pauseMs;
    if (delayMs !== expectedMs) this.#violated(`${worker} waits ${delayMs}, not ${expectedMs}`);
    fact.failures++;
    fact.restarts++;
    fact.notBeforeMs = nowMs + expectedMs;
    this.#world.counts.restarts++;
    if (strategy === 'one-for-one') return;
    const members = this.facts.membersOf(name);
    const at = strategy === 'one-for-all' ? 0 : members.indexOf(fact);
    for (const each of members.slice(at)) this.#goesWith(each, fact);
  }

  #goesWith(each: WorkerFact, failed: WorkerFact): void {
    each.isSettled = false;
    if (each === failed) return;
    const { restart } = each.spec;
    if (restart === 'transient') this.facts.revive(each);
    if (each.phase === 'down') return;
    each.mustStop = 'together';
    if (restart === 'temporary') each.isFinished = true;
    this.#world.counts.together++;
  }

  #givenUp(nowMs: number, { type, group: name, worker }: EventOf<'given-up'>): void {
    const group = this.#failed(nowMs, type, worker);
    if (group === null) return;
    const count = group.restartsMs.length;
    const { intensity } = group.spec;
    if (name !== group.spec.name) this.#violated(`${name} is given up for ${group.spec.name}`);
    if (count <= intensity) this.#violated(`${name} is given up at ${count} of ${intensity}`);
    group.givenUp = { sinceMs: nowMs, worker };
    for (const each of this.facts.membersOf(name)) each.isSettled = false;
    this.#world.counts.givenUp++;
  }

  #atRest(): void {
    const { facts } = this;
    const runs = [...facts.workers.values()].find(({ phase }) => phase !== 'down');
    if (runs !== undefined) this.#violated(`it tells that nothing runs, and ${runs.name} does`);
    if (facts.suspended.size === 0) this.#violated('it tells that nothing runs, and all should');
    if (facts.isAtRest) this.#violated('it tells twice that nothing runs');
    facts.isAtRest = true;
    this.#world.counts.suspended++;
  }

  /** The next to be replaced: one that is away, and another only where none is. */
  #roll(name: string): void {
    if (this.#rolled.has(name)) return;
    this.#rolled.add(name);
    const { facts } = this;
    const wanted = facts.membersOf(name).filter((each) => facts.isWanted(each));
    const away = wanted.filter(({ isAway }) => isAway);
    const next = (away.length > 0 ? away : wanted).find(({ isOutdated }) => isOutdated);
    if (next === undefined) return;
    next.isRolling = true;
    next.mustStop = 'alone';
    this.#world.counts.rolls++;
  }

  // --- what it does not do

  #judgeWorker(nowMs: number, fact: WorkerFact): void {
    const { facts } = this;
    const { name, phase } = fact;
    if (fact.dueMs <= nowMs) this.#violated(`${name} is ${phase} for too long`);
    if (fact.isStalled && fact.isRunning) this.#violated(`${name} has stalled, and goes on`);
    if (!fact.isDesired && phase === 'down') this.#violated(`${name} is not forgotten`);
    if (!fact.hasFailed) return;
    fact.hasFailed = false;
    if (endsForGood(fact)) this.#violated(`${name} has ended for good, and that is not told`);
    else if (facts.isWanted(fact)) this.#violated(`${name} has failed, and nothing follows`);
  }

  #judgeGroup(nowMs: number, name: string): void {
    this.#roll(name);
    const { facts } = this;
    const members = facts.membersOf(name);
    const idle = members.find((each) => this.#mustStop(each));
    const isStopping = members.some(({ phase }) => phase === 'stopping');
    if (idle !== undefined && !isStopping) this.#violated(`${idle.name} is not asked to stop`);
    if (members.some(({ mustStop }) => mustStop === 'together')) return;
    for (const fact of members) {
      if (!facts.isWanted(fact)) continue;
      const couldStart = fact.phase === 'down' && fact.notBeforeMs <= nowMs;
      if (couldStart) this.#violated(`${fact.name} could start, and does not`);
      if (fact.phase !== 'up' && !fact.isSettled) return;
    }
  }

  #judgeRest(): void {
    const { facts } = this;
    if (facts.suspended.size === 0 || facts.isAtRest) return;
    const isDown = [...facts.workers.values()].every(({ phase }) => phase === 'down');
    if (isDown) this.#violated('nothing runs any more, and that is not told');
  }
}

/** Whether nothing follows from its ending but that it is over. */
function endsForGood({ spec: { restart }, lastEnding }: WorkerFact): boolean {
  const isNormal = lastEnding?.kind === 'code' && lastEnding.code === 0;
  return restart === 'temporary' || (restart === 'transient' && isNormal);
}
