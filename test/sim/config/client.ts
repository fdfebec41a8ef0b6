/** Programs that read and write the configuration: one request at a time each. */

import type { Answer, Seen } from '../../../src/config/replica-io.js';
import {
  checkTransaction,
  encodeTransaction,
  type Write as WriteOperation,
} from '../../../src/config/transaction.js';
import { decodeValue } from '../../../src/config/value.js';
import type { ErrorCode } from '../../../src/errors.js';
import type { SeededRandom } from '../../random.js';
import type { Known, Step } from './history.js';
import type { SimProcess } from './process.js';
import type { ConfigWorld } from './world.js';

/** One request, from its beginning to its end, as its client saw it. */
export interface Played {
  readonly requestId: string | null;
  readonly steps: readonly Step[];
  readonly beganAt: number;
  endedAt: number;
  /** What came of it; null: nobody knows. */
  result: 'committed' | 'failed' | 'read' | null;
  /** Where it was committed, judged, or read. */
  known: Known | null;
}

/** Codes that honest machines give to honest programs. */
const HONEST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_REPLICAS',
  'ERR_OUTCOME_UNKNOWN',
  'ERR_TIMEOUT',
  'ERR_QUEUE_FULL',
  'ERR_NOT_READY',
  'ERR_BEHIND',
  'ERR_LINEAGE',
]);

/** A write whose outcome is unknown is asked for so often. */
const MOST_ATTEMPTS = 6;
/** So many reads that are refused in a row end a session. */
const PATIENCE = 6;

interface Write {
  readonly played: Played;
  readonly requestId: string;
  readonly transaction: Buffer;
  readonly askedAt: number;
  attempts: number;
}

export class Client {
  readonly name: string;
  readonly played: Played[] = [];
  isBusy = false;
  readonly #world: ConfigWorld;
  readonly #random: SeededRandom;
  /** What the session has seen. */
  #seen: Known | null = null;
  #refusals = 0;
  #values = 0;
  #node: string;
  /** What it read last, by key. */
  readonly #lastRead = new Map<string, string | null>();

  constructor(world: ConfigWorld, name: string) {
    this.#world = world;
    this.name = name;
    this.#random = world.random.fork(name);
    this.#node = this.#random.pick(world.memberNames);
    this.#later();
  }

  #later(): void {
    const { time, knobs } = this.#world;
    time.after(this.#random.exponential(knobs.thinkMs), () => {
      if (this.#world.isSilent) return;
      this.#one();
    });
  }

  #one(): void {
    const random = this.#random;
    if (random.chance(0.05)) this.#move();
    const process = this.#world.processOf(this.#node);
    if (process === null) {
      this.#move();
      return this.#later();
    }
    this.isBusy = true;
    const dice = random.unit();
    if (dice < 0.5) this.#write(process);
    else this.#read(process, dice < 0.8);
  }

  #done(): void {
    this.isBusy = false;
    this.#later();
  }

  #move(): void {
    this.#node = this.#random.pick(this.#world.memberNames);
  }

  #waitMs(): number {
    return this.#random.pick([50, 500, 3000]);
  }

  #begin(requestId: string | null, steps: readonly Step[]): Played {
    const played: Played = {
      requestId,
      steps,
      beganAt: this.#world.moment(),
      endedAt: Number.POSITIVE_INFINITY,
      result: null,
      known: null,
    };
    this.played.push(played);
    return played;
  }

  // --- writes

  #write(process: SimProcess): void {
    const { history } = this.#world;
    const requestId = this.#world.newId();
    const steps = this.#steps();
    history.asks(requestId, steps);
    const write = {
      played: this.#begin(requestId, steps),
      requestId,
      transaction: encoded(steps),
      askedAt: this.#seen?.entry.revision ?? 0,
      attempts: 0,
    };
    this.#attempt(process, write);
  }

  #steps(): Step[] {
    const random = this.#random;
    const key = this.#key();
    const last = this.#lastRead.get(key);
    const value = random.chance(0.15) ? null : `${this.name}.${++this.#values}`;
    const first: Step = { key, value };
    const dice = random.unit();
    if (last !== undefined && dice < 0.4) return [{ ...first, expects: last }];
    if (dice > 0.85) {
      const other = this.#key();
      if (other !== key) return [first, { key: other, value: `${this.name}.${++this.#values}` }];
    }
    return [first];
  }

  #key(): string {
    return this.#world.key(this.#random.below(this.#world.knobs.keys));
  }

  #attempt(process: SimProcess, write: Write): void {
    const { requestId, transaction, askedAt } = write;
    const isFirst = write.attempts++ === 0;
    const request = {
      type: 'write',
      requestId,
      transaction,
      askedAt: isFirst ? null : askedAt,
    } as const;
    process.ask(request, this.#waitMs(), (answer) => this.#written(process, write, answer));
  }

  #written(process: SimProcess, write: Write, answer: Answer | null): void {
    const { checker } = this.#world;
    const { played } = write;
    if (answer?.type === 'committed' || answer?.type === 'failed') {
      const known = checker.written(process, played, answer);
      this.#ended(played, answer.type, known);
      this.#saw(known);
      if (answer.type === 'committed' && this.#random.chance(0.05)) return this.#askAgain(write);
      return this.#done();
    }
    if (answer !== null && answer.type !== 'error') {
      return checker.violated(`${process.name}: a write is answered with ${answer.type}`);
    }
    this.#mustBeHonest(process, 'a write', answer?.code ?? null);
    if (answer !== null && answer.code !== 'ERR_OUTCOME_UNKNOWN') {
      if (write.attempts > 1) {
        checker.violated(`${process.name}: asked again, it is refused with ${answer.code}`);
      }
      this.#world.history.refused(write.requestId, answer.code);
      this.#forgetPlayed(played);
      return this.#done();
    }
    this.#retryLater(write);
  }

  /** Asks for the same again, here or elsewhere, until it is known what came of it. */
  #retryLater(write: Write): void {
    const { time, knobs, isSilent } = this.#world;
    if (write.attempts >= MOST_ATTEMPTS || isSilent) return this.#done();
    time.after(this.#random.exponential(knobs.thinkMs * write.attempts), () => {
      if (this.#random.chance(0.4)) this.#move();
      const process = this.#world.processOf(this.#node);
      if (process !== null) return this.#attempt(process, write);
      write.attempts++;
      this.#move();
      this.#retryLater(write);
    });
  }

  /** What is known to be committed is asked for once more: the same result, or none. */
  #askAgain({ requestId, transaction, askedAt, played }: Write): void {
    const process = this.#world.processOf(this.#node);
    if (process === null) return this.#done();
    const request = { type: 'write', requestId, transaction, askedAt } as const;
    process.ask(request, this.#waitMs(), (answer) => {
      this.#world.checker.writtenAgain(process, played, answer);
      this.#done();
    });
  }

  // --- reads

  #read(process: SimProcess, isFresh: boolean): void {
    const key = this.#key();
    const seen = isFresh && this.#random.chance(0.5) ? null : this.#session();
    const played = this.#begin(null, [{ key }]);
    const told = this.#world.history.told();
    process.ask({ type: 'read', isFresh, seen }, this.#waitMs(), (answer) => {
      if (answer?.type === 'read') this.#gotRead(process, played, isFresh, seen, told, answer);
      else this.#gotNoRead(process, played, answer);
      this.#done();
    });
  }

  #session(): Seen | null {
    const seen = this.#seen;
    return seen && { lineage: seen.record.lineage, revision: seen.entry.revision };
  }

  #gotRead(
    process: SimProcess,
    played: Played,
    isFresh: boolean,
    seen: Seen | null,
    told: ReadonlyMap<string, number>,
    answer: Answer & { readonly type: 'read' },
  ): void {
    const { checker } = this.#world;
    this.#refusals = 0;
    const known = checker.read(process, answer, seen === null ? null : this.#seen);
    if (known === null) return;
    const key = played.steps[0]?.key as string;
    const item = process.state.tree.get(key, answer.revision);
    const value = item?.value ? (decodeValue(item.value) as string) : null;
    if (value !== (known.values.get(key) ?? null)) {
      checker.violated(`${process.name}: ${key} is ${value} at revision ${answer.revision}`);
    }
    this.#lastRead.set(key, value);
    this.#saw(known);
    if (isFresh) {
      checker.fresh(process, known, answer.lineage, told);
      this.#ended(played, 'read', known);
    } else this.#forgetPlayed(played);
  }

  #gotNoRead(process: SimProcess, played: Played, answer: Answer | null): void {
    this.#forgetPlayed(played);
    const code = answer?.type === 'error' ? answer.code : null;
    this.#mustBeHonest(process, 'a read', code);
    if (code === 'ERR_LINEAGE') this.#world.checker.lineageLeft(process, this.#seen);
    this.#refusals++;
    if (this.#random.chance(0.5)) this.#move();
    // Its lineage was discarded, perhaps: a person would begin anew.
    if (code === 'ERR_LINEAGE' || this.#refusals > PATIENCE) this.#seen = null;
  }

  #saw(known: Known | null): void {
    const { history } = this.#world;
    if (known === null) return;
    this.#refusals = 0;
    // Another lineage than before: what it reads from now on is of that.
    if (this.#seen === null || !history.holds(this.#seen, known)) this.#seen = known;
  }

  #ended(played: Played, result: Played['result'], known: Known | null): void {
    played.result = result;
    played.known = known;
    played.endedAt = this.#world.moment();
  }

  /** It had no effect, and saw nothing. */
  #forgetPlayed(played: Played): void {
    this.played.splice(this.played.lastIndexOf(played), 1);
  }

  #mustBeHonest(process: SimProcess, what: string, code: ErrorCode | null): void {
    if (code === null || HONEST.has(code)) return;
    this.#world.checker.violated(`${process.name}: ${what} fails with ${code}`);
  }
}

function encoded(steps: readonly Step[]): Buffer {
  const compare = steps.flatMap(({ key, expects }) => {
    if (expects === undefined) return [];
    return [expects === null ? { key, exists: false } : { key, value: expects }];
  });
  const write = steps.flatMap(({ key, value }): WriteOperation[] => {
    if (value === undefined) return [];
    return [value === null ? { delete: key } : { put: key, value }];
  });
  return encodeTransaction(checkTransaction({ compare, write }));
}
