/**
 * A controller that is killed again and again, and what becomes of its workers: those that stay,
 * and those that end all the time and write down with what, before they do.
 */
import { join } from 'node:path';
import { systemRuntime } from '../../runtime/index.js';
import { type LiveKeeper, linesOf, type SupervisionCast } from './supervision-cast.js';
import type { Described } from './supervision-protocol.js';

const STAYING = 12;
const ENDING = 6;
/** A controller lives for up to so long beyond its start. */
const LIFE_MS = 150;
/** In tenths of a second; the others of a dozen end at once. */
const REST = ['0', '0', '0.05', '0.1', '0.15', '0.3'];

/** What was found. */
export interface ControllerKills {
  readonly controllerKills: number;
  /** Keepers that the next controller did not know. */
  readonly orphansUnadopted: number;
  /** Workers that were to stay and did not. */
  readonly workersLost: number;
  /** Workers that ran twice at a time. */
  readonly workersDoubled: number;
  readonly exitStatuses: number;
  readonly exitStatusesLost: number;
}

function descriptions(ledger: string): Described[] {
  const staying = Array.from({ length: STAYING }, (_, i) => ({
    key: `workers/stays${i}`,
    value: { command: ['sleep', '1000000'], order: i },
  }));
  const ending = Array.from({ length: ENDING }, (_, i) => ({
    key: `workers/ends${i}`,
    value: {
      group: 'ends',
      command: ['sh', '-c', `sleep ${REST[i]}; echo "$BACKPLANE_INSTANCE ${i}" >>"$0"; exit ${i}`],
      args: [ledger],
    },
  }));
  // They are meant to end, and none too often.
  const group = { intensity: 1000, periodMs: 1000, backoff: { minMs: 1, maxMs: 50 } };
  return [...staying, ...ending, { key: 'groups/ends', value: group }];
}

/** Those that are there twice. */
function doubled(keepers: readonly LiveKeeper[]): number {
  return keepers.length - new Set(keepers.map(({ worker }) => worker)).size;
}

class Kills {
  readonly #cast: SupervisionCast;
  readonly #values: readonly Described[];
  readonly #ledger: string;
  #stayed = new Map<string, number | null>();
  orphans = 0;
  lost = 0;
  doubled = 0;

  constructor(cast: SupervisionCast, folder: string) {
    this.#cast = cast;
    this.#ledger = join(folder, 'ledger');
    this.#values = descriptions(this.#ledger);
  }

  async begin(): Promise<void> {
    const all = this.#cast.next(
      (event) => event.type === 'ready' && event.worker === `stays${STAYING - 1}`,
    );
    this.#cast.desire(this.#values);
    await all;
    this.#stayed = await this.#pids();
  }

  async #pids(): Promise<Map<string, number | null>> {
    const { workers } = await this.#cast.view();
    const staying = workers.filter(({ name }) => name.startsWith('stays'));
    return new Map(staying.map(({ name, pid }) => [name, pid]));
  }

  async once(): Promise<void> {
    const chance = systemRuntime.random.bytes(1)[0]! / 256;
    await new Promise<void>((resolve) => {
      systemRuntime.timers.after(chance * LIFE_MS, resolve);
    });
    await this.#cast.kill();
    await this.#cast.begin();
    this.#cast.desire(this.#values);
    await this.#judge();
  }

  async #judge(): Promise<void> {
    const before = this.#cast.keepers;
    const { workers } = await this.#cast.view();
    const after = new Set(this.#cast.keepers.map(({ pid }) => pid));
    // One that comes or goes meanwhile is nobody's fault.
    const there = before.filter(({ pid }) => after.has(pid));
    const known = new Set(workers.map(({ instance }) => instance));
    const ended = this.#cast.endings;
    const unknown = there.filter(({ instance }) => !known.has(instance) && !ended.has(instance));
    this.orphans += unknown.length;
    this.doubled += doubled(there.filter(({ instance }) => !ended.has(instance)));
    const pids = await this.#pids();
    for (const [name, pid] of this.#stayed) if (pids.get(name) !== pid) this.lost++;
    this.#stayed = pids;
  }

  /** Stops all, so that nothing is on its way; then each that wrote down its end must be known. */
  async end(): Promise<{ exitStatuses: number; exitStatusesLost: number }> {
    const rest = this.#cast.next(({ type }) => type === 'suspended');
    this.#cast.drain();
    await rest;
    const { endings } = this.#cast;
    const written = linesOf(this.#ledger).map((line) => line.split(' '));
    const lost = written.filter(([instance = '', code]) => {
      const ending = endings.get(instance);
      // Between its last line and its end it may have been asked to stop.
      return ending !== `code ${code}` && ending !== 'signal 15';
    });
    return { exitStatuses: written.length, exitStatusesLost: lost.length };
  }
}

/** Runs it: `count` controllers are killed. */
export async function killControllers(
  cast: SupervisionCast,
  folder: string,
  count: number,
  progress: (line: string) => void,
): Promise<ControllerKills> {
  const kills = new Kills(cast, folder);
  await cast.begin();
  await kills.begin();
  for (let i = 1; i <= count; i++) {
    await kills.once();
    if (i % 20 === 0 || i === count) progress(`controller killed ${i} times`);
  }
  const { exitStatuses, exitStatusesLost } = await kills.end();
  return {
    controllerKills: count,
    orphansUnadopted: kills.orphans,
    workersLost: kills.lost,
    workersDoubled: kills.doubled,
    exitStatuses,
    exitStatusesLost,
  };
}
