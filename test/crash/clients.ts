/** Clients of a configuration: each writes one pair of keys after the other, until it is ended. */
import type { Config } from '../../src/config/config.js';
import { ID_DIGITS } from '../../src/config/entry.js';
import type { Transaction } from '../../src/config/transaction.js';
import { ConfigError } from '../../src/errors.js';
import type { SeededRandom } from '../../src/testing/random.js';
import type { Acknowledged } from './masters-judge.js';

const CLIENTS = 6;
const VALUE_BYTES = 300;
const WRITE_MS = 2000;
/** A client that was refused waits so long. */
const PAUSE_MS = 5;
/** All that are to be masters have met by then. */
const BOOTSTRAP_MS = 30_000;

/** Keys of each client: every write changes both. */
export const PAIRS: readonly (readonly string[])[] = Array.from({ length: CLIENTS }, (_, client) =>
  ['a', 'b'].map((half) => `cluster/client-${client}/${half}`),
);

export const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

/** One write; `askedAt` is of one that is asked again. */
export interface ClientWrite {
  readonly requestId: string;
  readonly transaction: Transaction;
  readonly askedAt: number | null;
}

/** The revision it has; `open`: nobody knows what became of it; `refused`: it was not written. */
export type WriteAnswer = number | 'open' | 'refused';

/** Carries one write out. */
export async function writeTo(config: Config, write: ClientWrite): Promise<WriteAnswer> {
  const { requestId, transaction, askedAt } = write;
  const again = askedAt === null ? {} : { askedAt };
  try {
    const options = { requestId, ...again, deadlineMs: WRITE_MS };
    return (await config.transaction(transaction, options)).revision;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.code === 'ERR_OUTCOME_UNKNOWN' ? 'open' : 'refused';
  }
}

/** Begins the first lineage at its first master, unless there is one: asks until all have met. */
export async function bootstrap(config: Config, masters: readonly string[]): Promise<void> {
  const endMs = performance.now() + BOOTSTRAP_MS;
  while (config.status.record === null) {
    try {
      await config.masters.bootstrap(masters, { deadlineMs: WRITE_MS });
    } catch (error) {
      if (!(error instanceof ConfigError) || performance.now() > endMs) throw error;
      await pause(PAUSE_MS);
    }
  }
}

/** What clients work with. */
export interface ClientsSetup {
  readonly random: SeededRandom;
  /** Asks any master. */
  ask(write: ClientWrite): Promise<WriteAnswer>;
  /** A write is acknowledged, which was first asked for at `askedMs`. */
  wrote(acknowledged: Acknowledged, askedMs: number): void;
}

/** All of them. */
export class Clients {
  readonly #setup: ClientsSetup;
  /** Newest revision that was acknowledged to any of them. */
  #seen = 0;
  #isOver = false;

  constructor(setup: ClientsSetup) {
    this.#setup = setup;
    for (const pair of PAIRS) void this.#run(pair);
  }

  end(): void {
    this.#isOver = true;
  }

  /** Writes, asks again where it was not told what became of it, and writes again. */
  async #run(pair: readonly string[]): Promise<void> {
    const { random, ask, wrote } = this.#setup;
    for (let turn = 1; !this.#isOver; turn++) {
      const requestId = random.bytes(ID_DIGITS / 2).toString('hex');
      const askedMs = performance.now();
      const value = `${turn} ${'x'.repeat(random.below(VALUE_BYTES))}`;
      const transaction = { write: pair.map((key) => ({ put: key, value })) };
      const askedAt = this.#seen;
      let answer = await ask({ requestId, transaction, askedAt: null });
      while (!this.#isOver && answer === 'open') {
        await pause(PAUSE_MS);
        answer = await ask({ requestId, transaction, askedAt });
      }
      if (typeof answer !== 'number') {
        await pause(PAUSE_MS);
        continue;
      }
      this.#seen = Math.max(this.#seen, answer);
      wrote({ requestId, revision: answer }, askedMs);
    }
  }
}
