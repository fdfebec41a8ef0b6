/** All masters go out of reach: how long until the slaves say that the cluster is DOWN. */
import type { Cast, Member } from './coldstart-cast.js';
import { agreed } from './coldstart-orders.js';
import type { Findings, Steps } from './coldstart-steps.js';

/** Slaves say DOWN so long after the last master is out of reach at most, with the profile lan. */
export const DOWN_LIMIT_MS = 2500;

const WAYS = ['masters killed', 'both planes cut at the masters', 'both switches off'] as const;
type Way = (typeof WAYS)[number];

export class Downs {
  /** Of every slave in every trial. */
  readonly timesMs: number[] = [];
  readonly #cast: Cast;
  readonly #steps: Steps;

  constructor(cast: Cast, steps: Steps) {
    this.#cast = cast;
    this.#steps = steps;
  }

  async run(trials: number): Promise<void> {
    for (const way of WAYS) {
      const expected =
        `each slave says DOWN within ${DOWN_LIMIT_MS} ms, reads what it had, and is up again ` +
        'when the masters are';
      await this.#steps.take(`DOWN: ${way}`, expected, async (found) => {
        const timesMs: number[] = [];
        for (let trial = 0; trial < trials; trial++) {
          timesMs.push(...(await this.#trial(found, way)));
        }
        this.timesMs.push(...timesMs);
        const mostMs = Math.max(...timesMs);
        found.must(mostMs <= DOWN_LIMIT_MS, `DOWN after ${mostMs.toFixed(0)} ms`);
        const all = timesMs.map((timeMs) => timeMs.toFixed(0)).join(', ');
        found.say(`DOWN after ${all} ms, then up, all at one revision`);
      });
    }
  }

  async #trial(found: Findings, way: Way): Promise<number[]> {
    const cast = this.#cast;
    const isMaster = ({ status }: Member) =>
      status?.role === 'sequencer' || status?.role === 'master';
    const masters = cast.all.filter(isMaster);
    const slaves = cast.all.filter((member) => !isMaster(member));
    const [before] = await agreed(cast, found);
    const lastMs = await this.#take(way, masters);
    await cast.until('slaves say DOWN', () => slaves.every(({ downMs }) => downMs !== null));
    const timesMs = slaves.map(({ downMs }) => (downMs ?? Number.NaN) - lastMs);
    for (const slave of slaves) {
      const { revision, digest } = await cast.read(slave, undefined, false);
      found.same(
        `what ${slave.name} reads`,
        [revision, digest],
        [before?.revision, before?.digest],
      );
    }
    if (way === 'masters killed') await cast.startAll(masters);
    else cast.lab.heal();
    await cast.whole();
    return timesMs;
  }

  /** @returns when the last master was out of reach, on the clock of `process.hrtime`. */
  async #take(way: Way, masters: readonly Member[]): Promise<number> {
    const { lab } = this.#cast;
    let lastMs = 0;
    if (way === 'masters killed') {
      lastMs = nowMs();
      await Promise.all(masters.map((master) => this.#cast.end(master, 'kill -9')));
      return lastMs;
    }
    for (const plane of lab.planes) {
      if (way === 'both switches off') lastMs = lab.cut('switch', plane);
      else for (const { host } of masters) lastMs = lab.cut('blackhole', plane, host.number);
    }
    return lastMs;
  }
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
