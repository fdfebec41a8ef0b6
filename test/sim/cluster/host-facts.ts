/**
 * What is known of the workers of a host: by what a supervisor was told, and what it did. Nothing
 * is decided here; `HostJudge` holds what the supervisor does against it.
 */
import type { Ending, SupervisorInput, SuspendReason } from '../../../src/workers/supervisor-io.js';
import { type GroupSpec, groupSpec, type WorkerSpec } from '../../../src/workers/worker-spec.js';

type Phase = 'down' | 'starting' | 'up' | 'stopping' | 'killing';
type Input<Type extends SupervisorInput['type']> = Extract<
  SupervisorInput,
  { readonly type: Type }
>;

export class WorkerFact {
  spec: WorkerSpec;
  isDesired = false;
  phase: Phase = 'down';
  sinceMs: number;
  /** When its process was ready; null: it was not, or there is none. */
  readySinceMs: number | null = null;
  /** Of its process. */
  launch: string | null = null;
  pid: number | null = null;
  /** When it has to be ready, or to have stopped. */
  dueMs = Number.POSITIVE_INFINITY;
  notBeforeMs = Number.NEGATIVE_INFINITY;
  isHeld = false;
  isFinished = false;
  /** Ready since its group began last: others need not wait for it. */
  isSettled = false;
  isStalled = false;
  isRolling = false;
  /** An earlier controller had asked it to stop, and it has not been ready since. */
  wasAsked = false;
  /** It has to stop, by itself or so that all may start together. */
  mustStop: 'alone' | 'together' | null = null;
  failures = 0;
  restarts = 0;
  lastEnding: Ending | null = null;
  /** Its ending was a failure that nothing has followed from yet. */
  hasFailed = false;

  constructor(nowMs: number, spec: WorkerSpec) {
    this.sinceMs = nowMs;
    this.spec = spec;
  }

  get name(): string {
    return this.spec.name;
  }

  get isRunning(): boolean {
    return this.phase === 'starting' || this.phase === 'up';
  }

  get isStale(): boolean {
    return this.launch !== null && this.launch !== this.spec.launch;
  }

  /** Its process is to be replaced, and nobody has begun with that. */
  get isOutdated(): boolean {
    return this.isRunning && this.isStale && this.mustStop === null;
  }

  /** It is being replaced, or has neither been ready yet nor failed. */
  get isAway(): boolean {
    if (this.isRolling) return true;
    const isAwaited = !this.isSettled || this.wasAsked;
    return isAwaited && this.phase !== 'up' && this.failures === 0;
  }

  become(nowMs: number, phase: Phase, dueMs = Number.POSITIVE_INFINITY): void {
    this.phase = phase;
    this.sinceMs = nowMs;
    this.dueMs = dueMs;
    if (phase === 'up') this.readySinceMs = nowMs;
    else if (phase === 'down' || phase === 'starting') this.readySinceMs = null;
  }

  forgive(): void {
    this.failures = 0;
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }
}

/** One group. */
export interface GroupFact {
  spec: GroupSpec;
  givenUp: { readonly sinceMs: number; readonly worker: string } | null;
  restartsMs: number[];
}

export class HostFacts {
  readonly workers = new Map<string, WorkerFact>();
  readonly groups = new Map<string, GroupFact>();
  readonly suspended = new Set<SuspendReason>();
  isDesireKnown = false;
  /** That nothing runs was told since it was to be so. */
  isAtRest = false;
  /** What has to be told in this turn. */
  readonly expected = new Set<string>();
  /** Stopped by an operator before; those that are not known yet. */
  #held = new Set<string>();
  readonly #mayStart: (worker: string) => void;
  /** As they were asked for, until they change. */
  readonly #members = new Map<string, WorkerFact[]>();

  /** @param mayStart is told who may start again, though it had ended for good */
  constructor(mayStart: (worker: string) => void) {
    this.#mayStart = mayStart;
  }

  isWanted(fact: WorkerFact): boolean {
    if (!fact.isDesired || fact.isHeld || fact.isFinished) return false;
    return this.suspended.size === 0 && this.groupOf(fact).givenUp === null;
  }

  groupOf({ spec: { group: name } }: WorkerFact): GroupFact {
    let group = this.groups.get(name);
    if (group === undefined) {
      group = { spec: groupSpec(name, {}), givenUp: null, restartsMs: [] };
      this.groups.set(name, group);
    }
    return group;
  }

  /** Those of a group, in order. */
  membersOf(group: string): readonly WorkerFact[] {
    let members = this.#members.get(group);
    if (members === undefined) {
      members = [...this.workers.values()].filter(({ spec }) => spec.group === group);
      members.sort((a, b) => a.spec.order - b.spec.order || (a.name < b.name ? -1 : 1));
      this.#members.set(group, members);
    }
    return members;
  }

  /** When the supervisor has to be called next. */
  dueMs(nowMs: number): number {
    if (!this.isDesireKnown) return Number.POSITIVE_INFINITY;
    const times = [...this.workers.values()].map((fact) => {
      const waits = fact.phase === 'down' && fact.notBeforeMs > nowMs && this.isWanted(fact);
      return waits ? fact.notBeforeMs : fact.dueMs;
    });
    return Math.min(Number.POSITIVE_INFINITY, ...times);
  }

  /** Begins to count anew. */
  takeUp(name: string): void {
    const group = this.groups.get(name) as GroupFact;
    if (group.givenUp !== null) this.expected.add(`taken-up ${name}`);
    group.givenUp = null;
    group.restartsMs = [];
    for (const fact of this.membersOf(name)) fact.forgive();
  }

  /** It may start again, though it had ended for good. */
  revive(fact: WorkerFact): void {
    fact.isFinished = false;
    this.#mayStart(fact.name);
  }

  happened(nowMs: number, input: SupervisorInput): void {
    switch (input.type) {
      case 'held':
        this.#held = new Set(input.workers);
        break;
      case 'remembered': {
        const fact = this.#factOf(nowMs, input.spec);
        fact.isFinished = true;
        fact.lastEnding = input.ending;
        break;
      }
      case 'adopted':
        this.#adopted(nowMs, input);
        break;
      case 'desire':
        this.#desired(nowMs, input);
        break;
      case 'suspend':
        this.#suspended(input);
        break;
      case 'tick':
        break;
      default: {
        const fact = this.workers.get(input.worker);
        if (fact !== undefined) this.#about(nowMs, fact, input);
      }
    }
  }

  #factOf(nowMs: number, spec: WorkerSpec): WorkerFact {
    let fact = this.workers.get(spec.name);
    if (fact === undefined) {
      fact = new WorkerFact(nowMs, spec);
      fact.isHeld = this.#held.delete(spec.name);
      this.workers.set(spec.name, fact);
      this.#members.clear();
    }
    return fact;
  }

  #adopted(nowMs: number, { spec, pid, isReady, isStopping }: Input<'adopted'>): void {
    const fact = this.#factOf(nowMs, spec);
    fact.launch = spec.launch;
    fact.pid = pid;
    fact.isSettled = isReady;
    fact.wasAsked = false;
    fact.hasFailed = false;
    if (isReady) fact.become(nowMs, 'up');
    else fact.become(nowMs, 'starting', nowMs + spec.readyMs);
    if (isStopping) this.#asked(nowMs, fact);
    this.expected.add(`adopted ${spec.name}`);
  }

  #desired(nowMs: number, { desired: { workers, groups, refused } }: Input<'desire'>): void {
    const kept = new Set(refused);
    const names = new Set(workers.map(({ name }) => name));
    for (const fact of this.workers.values()) {
      if (kept.has(`workers/${fact.name}`)) fact.isDesired = true;
      else if (!names.has(fact.name)) fact.isDesired = false;
    }
    const changed = new Set<string>();
    for (const spec of workers) {
      const fact = this.#factOf(nowMs, spec);
      const { launch, restart } = fact.spec;
      if (launch !== spec.launch || restart !== spec.restart) {
        this.revive(fact);
        fact.hasFailed = false;
      }
      if (!fact.isDesired || launch !== spec.launch) changed.add(spec.group);
      fact.spec = spec;
      fact.isDesired = true;
    }
    this.#forget();
    for (const name of this.#held) {
      if (kept.has(`workers/${name}`)) continue;
      this.#held.delete(name);
      this.expected.add(`forgotten ${name}`);
    }
    for (const [name, group] of this.groups) {
      if (kept.has(`groups/${name}`)) continue;
      const spec = groups.find((each) => each.name === name) ?? groupSpec(name, {});
      if (JSON.stringify(spec) !== JSON.stringify(group.spec)) changed.add(name);
      group.spec = spec;
    }
    for (const name of changed) this.takeUp(name);
    this.isDesireKnown = true;
  }

  /** Those that nobody desires and that do not run are no more, nor are groups without any. */
  #forget(): void {
    this.#members.clear();
    for (const [name, fact] of this.workers) {
      if (fact.isDesired || fact.phase !== 'down') continue;
      this.workers.delete(name);
      this.#mayStart(name);
      this.expected.add(`forgotten ${name}`);
    }
    const used = new Set<string>();
    for (const fact of this.workers.values()) {
      this.groupOf(fact);
      used.add(fact.spec.group);
    }
    for (const name of this.groups.keys()) if (!used.has(name)) this.groups.delete(name);
  }

  #suspended({ reason, isOn }: Input<'suspend'>): void {
    if (!isOn) {
      this.suspended.delete(reason);
      return;
    }
    if (this.suspended.size === 0) {
      this.isAtRest = false;
      for (const fact of this.workers.values()) fact.isSettled = false;
    }
    this.suspended.add(reason);
  }

  #about(nowMs: number, fact: WorkerFact, input: SupervisorInput & { worker: string }): void {
    switch (input.type) {
      case 'started':
        fact.pid = input.pid;
        break;
      case 'ready':
        if (fact.phase !== 'starting') break;
        fact.become(nowMs, 'up');
        fact.isSettled = true;
        fact.isRolling = false;
        fact.wasAsked = false;
        this.expected.add(`ready ${fact.name}`);
        break;
      case 'asked':
        this.#asked(nowMs, fact);
        break;
      case 'stalled':
        fact.isStalled = true;
        break;
      case 'ended':
        this.#ended(nowMs, fact, input.ending);
        break;
      case 'command':
        this.#commanded(fact, input.command);
        break;
    }
  }

  #asked(nowMs: number, fact: WorkerFact): void {
    if (!fact.isRunning) return;
    fact.wasAsked = true;
    fact.become(nowMs, 'stopping', nowMs + fact.spec.stopMs);
  }

  #commanded(fact: WorkerFact, command: Input<'command'>['command']): void {
    fact.isHeld = command === 'stop';
    if (command === 'stop') return;
    this.revive(fact);
    fact.forgive();
    if (this.groupOf(fact).givenUp !== null) this.takeUp(fact.spec.group);
    if (command === 'restart' && fact.isRunning) fact.mustStop ??= 'alone';
  }

  #ended(nowMs: number, fact: WorkerFact, ending: Ending): void {
    const { phase, mustStop, readySinceMs } = fact;
    const isExpected = phase === 'stopping';
    fact.become(nowMs, 'down');
    fact.launch = null;
    fact.pid = null;
    fact.mustStop = null;
    fact.lastEnding = ending;
    this.expected.add(`ended ${fact.name} ${JSON.stringify(ending)} ${isExpected}`);
    if (!fact.isDesired && this.isDesireKnown) return this.#forget();
    // Temporary ones that went with others come again neither here nor with the next controller.
    if (fact.isFinished) this.expected.add(`finished ${fact.name}`);
    if (isExpected || mustStop === 'together') return;
    const upMs = readySinceMs === null ? 0 : nowMs - readySinceMs;
    if (upMs >= this.groupOf(fact).spec.periodMs) fact.failures = 0;
    fact.hasFailed = !fact.isFinished;
  }
}
