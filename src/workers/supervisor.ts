/**
 * The supervisor of one host's workers, as a pure machine: which of them are started, asked to stop
 * and killed, and when. group.ts has what OTP has; here is what each input means for one worker.
 *
 * Until it is told what is desired it neither starts nor stops any: what an earlier controller has
 * started runs on.
 */
import { Group, type GroupActions } from './group.js';
import { Member } from './member.js';
import { stopSignals } from './signals.js';
import type {
  Ending,
  KillReason,
  SupervisorEvent,
  SupervisorInput,
  SupervisorOutput,
  SupervisorView,
  SuspendReason,
} from './supervisor-io.js';
import { type Desired, groupSpec } from './worker-spec.js';

type Command = Extract<SupervisorInput, { readonly type: 'command' }>['command'];

export class Supervisor {
  readonly #members = new Map<string, Member>();
  readonly #groups = new Map<string, Group>();
  readonly #outputs: SupervisorOutput[] = [];
  readonly #suspended = new Set<SuspendReason>();
  /** Stopped by an operator before this controller; those that are not known yet. */
  readonly #held = new Set<string>();
  #isDesireKnown = false;
  /** It was told that nothing runs. */
  #isAtRest = false;
  #nowMs: number;
  readonly #actions: GroupActions = {
    isWanted: (member) => this.#isWanted(member),
    start: (member) => this.#start(member),
    stop: (member) => this.#stop(member),
  };

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** Whether a worker of that name is known. */
  has(worker: string): boolean {
    return this.#members.has(worker);
  }

  /** The next output, or null. */
  poll(): SupervisorOutput | null {
    return this.#outputs.shift() ?? null;
  }

  /** When a 'tick' is wanted; Infinity: not at all. */
  deadline(): number {
    if (!this.#isDesireKnown) return Number.POSITIVE_INFINITY;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      dueMs = Math.min(dueMs, member.deadlineMs);
      const { phase, notBeforeMs } = member;
      if (phase !== 'down' || notBeforeMs <= this.#nowMs || !this.#isWanted(member)) continue;
      dueMs = Math.min(dueMs, notBeforeMs);
    }
    return dueMs;
  }

  step(nowMs: number, input: SupervisorInput): void {
    this.#nowMs = nowMs;
    switch (input.type) {
      case 'desire':
        this.#desire(input.desired);
        break;
      case 'adopted':
        this.#adopted(input);
        break;
      case 'held':
        for (const worker of input.workers) this.#held.add(worker);
        break;
      case 'remembered': {
        const member = this.#memberOf(input.spec);
        member.isFinished = true;
        member.lastEnding = input.ending;
        break;
      }
      case 'suspend':
        this.#suspend(input.reason, input.isOn);
        break;
      case 'tick':
        break;
      default: {
        const member = this.#members.get(input.worker);
        if (member !== undefined) this.#about(member, input);
      }
    }
    if (!this.#isDesireKnown) return;
    this.#killFailed();
    this.#settle();
  }

  view(nowMs: number): SupervisorView {
    const members = [...this.#members.values()];
    return {
      workers: members
        .map((member) => {
          const isGivenUp = this.#groupOf(member).givenUp !== null;
          return member.view(nowMs, isGivenUp, this.#isWanted(member));
        })
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      groups: [...this.#groups.values()].map(({ name, spec: { strategy }, givenUp }) => {
        return { name, strategy, givenUp };
      }),
      suspended: [...this.#suspended],
    };
  }

  #tell(event: SupervisorEvent): void {
    this.#outputs.push({ type: 'tell', event });
  }

  #memberOf(spec: Member['spec']): Member {
    let member = this.#members.get(spec.name);
    if (member === undefined) {
      member = new Member(this.#nowMs, spec);
      member.isHeld = this.#held.delete(spec.name);
      this.#members.set(spec.name, member);
    }
    return member;
  }

  #groupOf({ spec }: Member): Group {
    let group = this.#groups.get(spec.group);
    if (group === undefined) {
      group = new Group(spec.group);
      this.#groups.set(spec.group, group);
    }
    return group;
  }

  #isWanted(member: Member): boolean {
    if (!member.isDesired || member.isHeld || member.isFinished) return false;
    return this.#suspended.size === 0 && this.#groupOf(member).givenUp === null;
  }

  #desire({ workers, groups, refused }: Desired): void {
    const changed = new Set<string>();
    const kept = new Set(refused);
    const desired = new Map(workers.map((spec) => [spec.name, spec]));
    for (const member of this.#members.values()) {
      const { name } = member.spec;
      // What cannot be read says nothing, also not that a worker that runs is to go.
      if (kept.has(`workers/${name}`)) member.isDesired = true;
      else if (!desired.has(name)) member.isDesired = false;
    }
    for (const spec of workers) {
      const member = this.#memberOf(spec);
      const { launch, restart } = member.spec;
      // To have ended for good, or before this controller, was the end of what it was then.
      if (launch !== spec.launch || restart !== spec.restart) {
        member.isFinished = false;
        member.isUnjudged = false;
      }
      if (!member.isDesired || launch !== spec.launch) changed.add(spec.group);
      member.spec = spec;
      member.isDesired = true;
    }
    this.#arrange();
    for (const worker of this.#held) {
      if (!kept.has(`workers/${worker}`)) this.#forget(worker);
    }
    const settings = new Map(groups.map((spec) => [spec.name, spec]));
    for (const group of this.#groups.values()) {
      if (kept.has(`groups/${group.name}`)) continue;
      const spec = settings.get(group.name) ?? groupSpec(group.name, {});
      if (JSON.stringify(spec) !== JSON.stringify(group.spec)) changed.add(group.name);
      group.spec = spec;
    }
    this.#isDesireKnown = true;
    for (const name of changed) this.#takeUp(this.#groups.get(name) as Group);
    for (const member of this.#members.values()) {
      if (member.isUnjudged) this.#judge(member, member.lastEnding as Ending);
      member.isUnjudged = false;
    }
  }

  /** Workers to their groups, those that are gone away, and groups without any. */
  #arrange(): void {
    const byGroup = new Map<string, Member[]>();
    for (const [name, member] of this.#members) {
      if (!member.isDesired && member.phase === 'down') {
        this.#forget(name);
        continue;
      }
      const group = this.#groupOf(member);
      const others = byGroup.get(group.name);
      if (others === undefined) byGroup.set(group.name, [member]);
      else others.push(member);
    }
    for (const [name, group] of this.#groups) {
      const members = byGroup.get(name);
      if (members === undefined) this.#groups.delete(name);
      else group.setMembers(members);
    }
  }

  #forget(worker: string): void {
    this.#members.delete(worker);
    this.#held.delete(worker);
    this.#tell({ type: 'forgotten', worker });
  }

  #takeUp(group: Group): void {
    if (group.takeUp()) this.#tell({ type: 'taken-up', group: group.name });
  }

  #adopted(input: Extract<SupervisorInput, { readonly type: 'adopted' }>): void {
    const { spec, pid, isReady, isStopping } = input;
    const member = this.#memberOf(spec);
    member.launch = spec.launch;
    member.pid = pid;
    member.isSettled = isReady;
    member.wasAsked = false;
    // What ended before this one began has been judged by whoever started it.
    member.isUnjudged = false;
    if (isReady) member.become(this.#nowMs, 'up');
    else member.become(this.#nowMs, 'starting', this.#nowMs + spec.readyMs);
    if (isStopping) this.#asked(member);
    this.#tell({ type: 'adopted', worker: spec.name });
  }

  #suspend(reason: SuspendReason, isOn: boolean): void {
    if (!isOn) {
      this.#suspended.delete(reason);
      return;
    }
    if (this.#suspended.size === 0) {
      this.#isAtRest = false;
      // When they start again, it is in order.
      for (const member of this.#members.values()) member.isSettled = false;
    }
    this.#suspended.add(reason);
  }

  #about(member: Member, input: Extract<SupervisorInput, { readonly worker: string }>): void {
    switch (input.type) {
      case 'started':
        member.pid = input.pid;
        break;
      case 'ready':
        this.#ready(member);
        break;
      case 'asked':
        this.#asked(member);
        break;
      case 'stalled':
        member.isStalled = true;
        break;
      case 'ended':
        this.#ended(member, input.ending);
        break;
      case 'command':
        this.#command(member, input.command);
        break;
    }
  }

  /** An earlier controller has sent it a signal; what this one sends is known here. */
  #asked(member: Member): void {
    if (!member.isRunning) return;
    member.wasAsked = true;
    member.become(this.#nowMs, 'stopping', this.#nowMs + member.spec.stopMs);
  }

  #ready(member: Member): void {
    if (member.phase !== 'starting') return;
    member.become(this.#nowMs, 'up');
    member.isSettled = true;
    member.isRolling = false;
    member.wasAsked = false;
    this.#tell({ type: 'ready', worker: member.spec.name });
  }

  #command(member: Member, command: Command): void {
    if (command === 'stop') {
      member.isHeld = true;
      return;
    }
    member.isHeld = false;
    member.isFinished = false;
    member.forgive();
    const group = this.#groupOf(member);
    if (group.givenUp !== null) this.#takeUp(group);
    if (command === 'restart' && member.isRunning) member.mustStop ??= 'alone';
  }

  #ended(member: Member, ending: Ending): void {
    const { phase, mustStop, spec } = member;
    const isExpected = phase === 'stopping';
    const upMs = member.upMs(this.#nowMs);
    member.become(this.#nowMs, 'down');
    member.launch = null;
    member.pid = null;
    member.mustStop = null;
    member.lastEnding = ending;
    this.#tell({ type: 'ended', worker: spec.name, ending, isExpected });
    if (!member.isDesired && this.#isDesireKnown) return this.#arrange();
    // One that is never restarted and went with others: the next controller has to know it.
    if (member.isFinished) this.#tell({ type: 'finished', worker: spec.name });
    // One that has failed while it was to stop with others has not failed once more.
    if (isExpected || mustStop === 'together') return;
    if (upMs >= this.#groupOf(member).spec.periodMs) member.failures = 0;
    if (this.#isDesireKnown) this.#judge(member, ending);
    else member.isUnjudged = true;
  }

  /** What follows when a worker has ended by itself, or was killed because it failed. */
  #judge(member: Member, ending: Ending): void {
    const { name, restart } = member.spec;
    const isNormal = ending.kind === 'code' && ending.code === 0;
    if (restart === 'temporary' || (restart === 'transient' && isNormal)) {
      member.isFinished = true;
      this.#tell({ type: 'finished', worker: name });
      return;
    }
    if (!this.#isWanted(member)) return;
    const group = this.#groupOf(member);
    const delayMs = group.failed(this.#nowMs, member);
    if (delayMs === null) this.#tell({ type: 'given-up', group: group.name, worker: name });
    else this.#tell({ type: 'restarting', worker: name, delayMs });
  }

  #start(member: Member): void {
    const { spec } = member;
    member.become(this.#nowMs, 'starting', this.#nowMs + spec.readyMs);
    member.launch = spec.launch;
    member.isStalled = false;
    this.#outputs.push({ type: 'start', spec });
    this.#tell({ type: 'starting', worker: spec.name });
  }

  #stop(member: Member): void {
    const { name, stopMs, stopSignal } = member.spec;
    member.become(this.#nowMs, 'stopping', this.#nowMs + stopMs);
    this.#outputs.push({ type: 'signal', worker: name, signal: stopSignals[stopSignal] });
    this.#tell({ type: 'stopping', worker: name });
  }

  #kill(member: Member, why: KillReason): void {
    const { name } = member.spec;
    if (member.phase === 'stopping') member.deadlineMs = Number.POSITIVE_INFINITY;
    else member.become(this.#nowMs, 'killing');
    this.#outputs.push({ type: 'signal', worker: name, signal: stopSignals.SIGKILL });
    this.#tell({ type: 'killed', worker: name, why });
  }

  #killFailed(): void {
    for (const member of this.#members.values()) {
      if (member.deadlineMs <= this.#nowMs) this.#kill(member, member.killReason);
      else if (member.isStalled && member.isRunning) this.#kill(member, 'stalled');
    }
  }

  #settle(): void {
    for (const group of this.#groups.values()) group.settle(this.#nowMs, this.#actions);
    if (this.#suspended.size === 0 || this.#isAtRest) return;
    for (const { phase } of this.#members.values()) if (phase !== 'down') return;
    this.#isAtRest = true;
    this.#tell({ type: 'suspended' });
  }
}
