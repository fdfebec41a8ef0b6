/**
 * One group of workers, with the strategy and the intensity of OTP's supervisors
 * (https://www.erlang.org/doc/system/sup_princ.html): which of them are to stop and to start, one
 * after the other.
 *
 * What differs: restarts of one worker are paused for longer and longer; workers may say when they
 * are ready, and those after them wait for that; an operator's word (stopped) outlasts restarts of
 * others; workers whose descriptions have changed are replaced one at a time.
 */
import { inOrder, type Member } from './member.js';
import { type GroupSpec, groupSpec } from './worker-spec.js';

/** What a group wants to be done; it is carried out at once. */
export interface GroupActions {
  /** Whether a worker should run, all in all. */
  isWanted(member: Member): boolean;
  start(member: Member): void;
  stop(member: Member): void;
}

export class Group {
  readonly name: string;
  spec: GroupSpec;
  /** In order. */
  members: readonly Member[] = [];
  /** When, and with which worker; null: it is not. */
  givenUp: { readonly sinceMs: number; readonly worker: string } | null = null;
  /** Times of restarts within the period. */
  #restartsMs: number[] = [];

  constructor(name: string) {
    this.name = name;
    this.spec = groupSpec(name, {});
  }

  setMembers(members: readonly Member[]): void {
    this.members = [...members].sort(inOrder);
  }

  /** Begins to count anew; whether it was given up. */
  takeUp(): boolean {
    const wasGivenUp = this.givenUp !== null;
    this.givenUp = null;
    this.#restartsMs = [];
    for (const member of this.members) member.forgive();
    return wasGivenUp;
  }

  /**
   * A worker has failed and is to be started again.
   * @returns The pause before that; null: there were too many, and the group is given up.
   */
  failed(nowMs: number, member: Member): number | null {
    const { intensity, periodMs, backoff } = this.spec;
    this.#restartsMs = this.#restartsMs.filter((atMs) => nowMs - atMs <= periodMs);
    this.#restartsMs.push(nowMs);
    if (this.#restartsMs.length > intensity) {
      this.givenUp = { sinceMs: nowMs, worker: member.spec.name };
      // When it is taken up they start in order.
      for (const each of this.members) each.isSettled = false;
      return null;
    }
    member.failures++;
    member.restarts++;
    const pauseMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.max(0, member.failures - 2));
    const delayMs = member.failures === 1 ? 0 : pauseMs;
    member.notBeforeMs = nowMs + delayMs;
    this.#stopOthers(member);
    return delayMs;
  }

  /** Those who must not go on without the one that failed. */
  #stopOthers(failed: Member): void {
    const { strategy } = this.spec;
    if (strategy === 'one-for-one') return;
    const at = this.members.indexOf(failed);
    const affected = strategy === 'one-for-all' ? this.members : this.members.slice(at);
    for (const member of affected) {
      member.isSettled = false;
      if (member === failed) continue;
      if (member.phase !== 'down') member.mustStop = 'together';
      // As in OTP: what was done is done again, and what is never restarted is not so by others.
      if (member.spec.restart === 'transient') member.isFinished = false;
      if (member.spec.restart === 'temporary' && member.phase !== 'down') member.isFinished = true;
    }
  }

  /** Does whatever can be done now. */
  settle(nowMs: number, actions: GroupActions): void {
    this.#roll(actions);
    this.#stopLast(actions);
    this.#startNext(nowMs, actions);
  }

  /** Chooses the next to be replaced: one that is away, and another only where none is. */
  #roll({ isWanted }: GroupActions): void {
    if (!this.members.some(({ isOutdated }) => isOutdated)) return;
    const wanted = this.members.filter(isWanted);
    const away = wanted.filter(({ isAway }) => isAway);
    const next = (away.length > 0 ? away : wanted).find(({ isOutdated }) => isOutdated);
    if (next === undefined) return;
    next.isRolling = true;
    next.mustStop = 'alone';
  }

  /** One at a time, the last first. */
  #stopLast({ isWanted, stop }: GroupActions): void {
    if (this.members.some(({ phase }) => phase === 'stopping')) return;
    const last = this.members.findLast(
      (member) => member.isRunning && (member.mustStop !== null || !isWanted(member)),
    );
    if (last !== undefined) stop(last);
  }

  /** All for whom nobody has to be waited for. */
  #startNext(nowMs: number, { isWanted, start }: GroupActions): void {
    if (this.members.some(({ mustStop }) => mustStop === 'together')) return;
    for (const member of this.members) {
      if (!isWanted(member)) continue;
      if (member.phase === 'down' && member.notBeforeMs <= nowMs) start(member);
      if (member.phase !== 'up' && !member.isSettled) return;
    }
  }
}
