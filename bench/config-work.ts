/**
 * What the processes of `bench config` do when they are told, the same for a configuration of ours
 * and for etcd: write, watch, and say what they saw. A command is a line of JSON on standard input,
 * and so is its answer on standard output.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { tell } from './arguments.js';

/** Below this all is written, and watched. */
export const PREFIX = 'cluster/bench/';
/** Bytes of a value. */
export const VALUE_BYTES = 100;
/** Of the first node of a process of ours; the others have the next. */
export const NODE_PORT = 7400;
/** So many keys, by turns. */
const KEYS = 64;

/** One client of either side. */
export interface Client {
  /** Resolves when it is durable, as its side understands that. */
  put(key: string, value: Buffer): Promise<unknown>;
  /** Resolves when whatever is written below PREFIX from now on is seen. */
  watch(onValue: (value: Buffer) => void): Promise<void>;
  close(): Promise<void>;
}

/** What a process is told to do. */
export type WorkCommand =
  /** All clients begin to watch. */
  | { readonly do: 'watch' }
  /** So many writers at once, each the next as soon as the last is durable. */
  | {
      readonly do: 'write';
      readonly writers: number;
      readonly warmupMs: number;
      readonly measureMs: number;
    }
  /** So many writes, one after the other, with a pause before each. */
  | {
      readonly do: 'pace';
      readonly pauseMs: number;
      readonly count: number;
      readonly isMeasured: boolean;
    }
  /** How long each of so many measured writes took to each client that watches. */
  | { readonly do: 'latencies'; readonly writes: number };

/** What it answers; which fields it has is up to the command. */
export interface WorkAnswer {
  readonly done?: boolean;
  readonly error?: string;
  readonly perSecond?: number;
  readonly latenciesMs?: readonly number[];
}

/** A value that says when it was written; `isMeasured` is not so during a warm-up. */
function stamped(isMeasured: boolean): Buffer {
  const value = Buffer.alloc(VALUE_BYTES);
  value.writeBigUInt64BE(process.hrtime.bigint(), 0);
  value.writeUInt8(isMeasured ? 1 : 0, 8);
  return value;
}

/** How long ago a value was written; null: during a warm-up. All processes have the same clock. */
function ageMs(value: Buffer): number | null {
  if (value.readUInt8(8) === 0) return null;
  return Number(process.hrtime.bigint() - value.readBigUInt64BE(0)) / 1e6;
}

/** Carries out commands for the clients of one process. */
export class Work {
  readonly #clients: readonly Client[];
  readonly #latenciesMs: number[] = [];
  #writes = 0;

  constructor(clients: readonly Client[]) {
    this.#clients = clients;
  }

  async obey(command: WorkCommand): Promise<WorkAnswer> {
    switch (command.do) {
      case 'watch':
        await Promise.all(this.#clients.map((client) => client.watch((value) => this.#see(value))));
        return { done: true };
      case 'write':
        return { perSecond: await this.#write(command) };
      case 'pace': {
        for (let i = 0; i < command.count; i += 1) {
          await sleep(command.pauseMs);
          await this.#put(command.isMeasured);
        }
        return { done: true };
      }
      case 'latencies': {
        const expected = command.writes * this.#clients.length;
        while (this.#latenciesMs.length < expected) await sleep(10);
        return { latenciesMs: this.#latenciesMs };
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #see(value: Buffer): void {
    const age = ageMs(value);
    if (age !== null) this.#latenciesMs.push(Math.round(age * 1000) / 1000);
  }

  #put(isMeasured: boolean): Promise<unknown> {
    this.#writes += 1;
    const [client] = this.#clients as [Client];
    return client.put(`${PREFIX}${this.#writes % KEYS}`, stamped(isMeasured));
  }

  async #write({ writers, warmupMs, measureMs }: WorkCommand & { do: 'write' }): Promise<number> {
    let written = 0;
    let isOver = false;
    const writer = async () => {
      while (!isOver) {
        await this.#put(false);
        written += 1;
      }
    };
    const all = Promise.all(Array.from({ length: writers }, writer));
    const window = async () => {
      await sleep(warmupMs);
      const [fromMs, before] = [performance.now(), written];
      await sleep(measureMs);
      return ((written - before) / (performance.now() - fromMs)) * 1000;
    };
    // A write that fails ends the run at once.
    const perSecond = await Promise.race([window(), all.then(() => 0)]);
    isOver = true;
    await all;
    return perSecond;
  }
}

/**
 * Obeys line by line until standard input ends, then closes.
 * @param obey answers a command; what it throws is told
 */
export async function serve<C>(
  obey: (command: C) => Promise<object>,
  close: () => Promise<void>,
): Promise<void> {
  tell({ done: true });
  for await (const line of createInterface({ input: process.stdin })) {
    await obey(JSON.parse(line) as C).then(tell, (error: Error) => tell({ error: `${error}` }));
  }
  await close();
  process.exit();
}
