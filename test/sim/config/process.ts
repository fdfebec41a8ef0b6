/** One process of a member: its machine, and all that a driver does for one. */
import { Follower } from '../../../src/config/follower.js';
import { messageBody } from '../../../src/config/messages.js';
import { Replica } from '../../../src/config/replica.js';
import type {
  Answer,
  ReplicaInput,
  ReplicaMachine,
  ReplicaOutput,
  ReplicaSetup,
  ReplicaStatus,
  Request,
} from '../../../src/config/replica-io.js';
import { type ConfigState, loadState } from '../../../src/config/state.js';
import { decodeBody, encodeBody } from '../../../src/wire/payload.js';
import type { LinkEvent, Linked } from './bus.js';
import type { Known } from './history.js';
import type { SimMember } from './member.js';
import { ReaderWatch } from './reader-watch.js';
import type { ConfigWorld } from './world.js';

/** A turn takes so long to come about, on the average. */
const TURN_MS = 0.02;
/** Timers are late by so much, on the average. */
const LATE_MS = 0.5;
/** No turn has more outputs than this. */
const MOST_OUTPUTS = 100_000;

/** A request without an answer. */
interface Asked {
  readonly request: Request;
  readonly deadlineMs: number;
  /** Null: the process is gone. */
  readonly done: (answer: Answer | null) => void;
}

export class SimProcess implements Linked {
  readonly member: SimMember;
  readonly startMs: number;
  readonly watch: ReaderWatch;
  isAlive = true;
  status: ReplicaStatus | null = null;
  /** The newest that was shown, and may be read. */
  shown: Known | null = null;
  /** A snapshot was installed, and nothing of it was shown yet. */
  isReplaced = false;
  /** A link of it was up. */
  hasMet = false;
  /** Peers whose link is up, by what the machine was told; true: one that does not answer. */
  readonly peers = new Map<string, boolean>();
  /** It ends after so many more outputs. */
  outputsLeft = Number.POSITIVE_INFINITY;
  readonly #world: ConfigWorld;
  readonly #machine: ReplicaMachine;
  /** The one that was made last is that of the machine. */
  #state: ConfigState | null = null;
  #inbox: ReplicaInput[] = [];
  #isTurnDue = false;
  #tickMs = Number.POSITIVE_INFINITY;
  #stalledUntilMs = 0;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  /** @throws whatever the machine does. */
  constructor(world: ConfigWorld, member: SimMember) {
    this.#world = world;
    this.member = member;
    this.startMs = world.time.nowMs;
    this.watch = new ReaderWatch(world, this);
    const setup: ReplicaSetup = {
      name: member.name,
      instance: world.newId(),
      masters: world.masterNames,
      loadMs: world.knobs.loadMs,
      contents: member.disk.open({
        persisted: (token) => this.deliver({ type: 'persisted', token }),
        failed: (token, code) => {
          this.deliver({ type: 'persistFailed', token, code, message: 'as it is meant to' });
        },
      }),
      load: (revision, items) => {
        this.#state = loadState(revision, items) as ConfigState;
        return this.#state;
      },
    };
    const { nowMs } = world.time;
    this.#machine = member.isSlave ? new Follower(nowMs, setup) : new Replica(nowMs, setup);
    this.#turnLater();
  }

  get name(): string {
    return this.member.name;
  }

  get isStalled(): boolean {
    return this.#stalledUntilMs > this.#world.time.nowMs;
  }

  /** Since when its loop does not stand still; in the future while it does. */
  get steadySinceMs(): number {
    return Math.max(this.startMs, this.#stalledUntilMs);
  }

  /** What a program reads there. */
  get state(): ConfigState {
    return this.#state as ConfigState;
  }

  linkEvent(event: LinkEvent): void {
    this.hasMet = true;
    if (event.type !== 'message') return this.deliver(event);
    const { name, body } = event;
    this.deliver({ type: 'message', name, body: decodeBody('cbor', body) });
  }

  deliver(input: ReplicaInput): void {
    if (!this.isAlive) return;
    this.#inbox.push(input);
    this.#turnLater();
  }

  ask(request: Request, waitMs: number, done: (answer: Answer | null) => void): void {
    const id = ++this.#lastId;
    const deadlineMs = this.#world.time.nowMs + waitMs;
    this.#asked.set(id, { request, deadlineMs, done });
    this.deliver({ type: 'request', id, request, deadlineMs });
  }

  /** The loop stands still for a while. */
  stall(durationMs: number): void {
    const untilMs = this.#world.time.nowMs + durationMs;
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, untilMs);
    this.#world.bus.stood(this, durationMs);
  }

  /** It is gone; whoever waits for an answer gets none. */
  end(): void {
    this.isAlive = false;
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { done } of asked) done(null);
  }

  /** Requests that should have been answered. */
  overdue(slackMs: number): Asked | undefined {
    const { nowMs } = this.#world.time;
    if (nowMs < this.steadySinceMs + slackMs) return undefined;
    return [...this.#asked.values()].find(({ deadlineMs }) => nowMs > deadlineMs + slackMs);
  }

  #turnLater(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    const { time, random } = this.#world;
    const atMs = time.nowMs + random.exponential(TURN_MS);
    time.at(Math.max(atMs, this.#stalledUntilMs), () => this.#turn());
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (!this.isAlive) return;
    if (this.isStalled) return this.#turnLater();
    const { time, trace } = this.#world;
    const inputs = this.#inbox;
    this.#inbox = [];
    try {
      for (const input of inputs) {
        trace.event(time.nowMs, input.type, this.name, detailOf(input));
        this.#notePeer(input);
        this.#world.onlooker?.heard(this, input);
        this.#machine.step(time.nowMs, input);
      }
      this.#drain();
    } catch (error) {
      this.#world.crashed(this.name, error);
    }
    if (this.isAlive) this.#wait();
  }

  #notePeer(input: ReplicaInput): void {
    if (input.type === 'up' || input.type === 'resumed') this.peers.set(input.name, false);
    else if (input.type === 'stalled') this.peers.set(input.name, true);
    else if (input.type === 'down') this.peers.delete(input.name);
  }

  #drain(): void {
    for (let count = 0; this.isAlive; count++) {
      const output = this.#machine.poll();
      if (output === null) return;
      if (count > MOST_OUTPUTS) throw new Error('a turn without an end');
      if (--this.outputsLeft < 0) {
        this.#world.kill(this.member, 'killed');
        return this.#world.startSoon(this.member);
      }
      this.#carryOut(output);
    }
  }

  #carryOut(output: ReplicaOutput): void {
    const { checker, bus } = this.#world;
    switch (output.type) {
      case 'persist':
        return this.member.disk.persist(output.batch);
      case 'send': {
        // Bodies that are written share their memory with the next.
        const body = Buffer.from(encodeBody(messageBody(output.message)).body);
        return bus.send(this, output.to, body);
      }
      case 'visible':
        return checker.visible(this, output);
      case 'replaced':
        this.isReplaced = true;
        return undefined;
      case 'answer': {
        const asked = this.#asked.get(output.id);
        if (asked === undefined) {
          return checker.violated(`${this.name}: a second answer, or to nothing`);
        }
        this.#asked.delete(output.id);
        asked.done(output.answer);
        return undefined;
      }
      case 'status':
        this.status = output.status;
        this.#world.onlooker?.told(this, output.status);
        return checker.told(this, output.status);
      case 'refuse':
        // All are honest here.
        return checker.violated(`${this.name} refuses ${output.name}: ${output.error.message}`);
    }
  }

  /** Steps a tick when the machine wants one. */
  #wait(): void {
    const { time, random } = this.#world;
    const wantedMs = this.#machine.deadline();
    if (wantedMs === Number.POSITIVE_INFINITY || wantedMs >= this.#tickMs) return;
    this.#tickMs = wantedMs;
    time.at(Math.max(wantedMs, time.nowMs) + random.exponential(LATE_MS), () => {
      if (this.#tickMs === wantedMs) this.#tickMs = Number.POSITIVE_INFINITY;
      if (!this.isAlive) return;
      if (this.#machine.deadline() <= time.nowMs) this.deliver({ type: 'tick' });
      else this.#wait();
    });
  }
}

/** A number of the input, for the trace. */
function detailOf(input: ReplicaInput): number {
  if ('token' in input) return input.token;
  if (input.type === 'request') return input.id;
  if (input.type !== 'message' || !Array.isArray(input.body)) return 0;
  const [kind] = input.body as unknown[];
  return typeof kind === 'number' ? kind : 0;
}
