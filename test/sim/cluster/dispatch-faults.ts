/** What goes wrong in a world of tasks, and when. */
import { Faults } from '../core/faults.js';
import { POOLS, type SimWorker } from './dispatch-worker.js';
import type { DispatchWorld } from './dispatch-world.js';

export class DispatchFaults extends Faults<DispatchWorld> {
  protected override mend(): void {
    const { world } = this;
    world.network.healAll();
    for (let host = 0; host < world.knobs.nodes; host++) world.start(host);
  }

  protected override one(): void {
    const { random, world } = this;
    const worker = random.pick(world.workers);
    if (worker === undefined) return;
    const dice = random.unit();
    if (dice < 0.12) this.#cut(worker.host, random.below(world.knobs.planes));
    else if (dice < 0.25) this.#isolate(worker.host);
    else if (dice < 0.37) this.#part(worker);
    else if (dice < 0.47) worker.stall(random.exponential(random.pick([10, 100, 1500, 3000])));
    else if (dice < 0.57) this.#fail(worker);
    else if (dice < 0.72) this.#kill(worker, 'killed');
    else if (dice < 0.8) this.#kill(worker, 'vanished');
    else this.#drain(worker);
  }

  #whileMs(): number {
    return this.random.exponential(this.random.pick([30, 400, 2500]));
  }

  #cut(host: number, plane: number, durationMs = this.#whileMs()): void {
    const { network, time } = this.world;
    network.cut(host, plane);
    time.after(durationMs, () => network.heal(host, plane));
  }

  #isolate(host: number): void {
    const durationMs = this.#whileMs();
    for (let plane = 0; plane < this.world.knobs.planes; plane++) {
      this.#cut(host, plane, durationMs);
    }
  }

  /** Two do not reach each other, while all others reach both. */
  #part(worker: SimWorker): void {
    const { network, time, knobs, workers } = this.world;
    const other = this.random.pick(workers).host;
    if (other === worker.host) return;
    const each = (change: (from: number, to: number, plane: number) => void) => {
      for (let plane = 0; plane < knobs.planes; plane++) {
        change(worker.host, other, plane);
        change(other, worker.host, plane);
      }
    };
    each((from, to, plane) => network.part(from, to, plane));
    time.after(this.random.exponential(this.random.pick([400, 2500])), () => {
      each((from, to, plane) => network.join(from, to, plane));
    });
  }

  /** One association gives up, and both processes go on. */
  #fail(worker: SimWorker): void {
    const associations = [...this.world.network.associations].filter(({ hosts }) =>
      hosts.includes(worker.host),
    );
    if (associations.length === 0) return;
    this.random.pick(associations).fails(this.random.pick([0, 1] as const));
  }

  #kill(worker: SimWorker, how: 'killed' | 'vanished'): void {
    const { world } = this;
    world.kill(worker, how);
    const delayMs = this.random.chance(0.3) ? 0 : this.random.exponential(1000);
    world.time.after(delayMs, () => {
      if (!this.isOver) world.start(worker.host);
    });
  }

  #drain(worker: SimWorker): void {
    const pool = this.random.pick(POOLS);
    const againMs = this.random.exponential(500);
    worker.turn(() => {
      if (worker.serves(pool)) worker.drain(pool, againMs);
      else worker.serve(pool);
    });
  }
}
