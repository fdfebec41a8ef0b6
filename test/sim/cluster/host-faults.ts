/** What goes wrong at a host of workers, and when. */
import { Faults } from '../core/faults.js';
import type { HostWorld } from './host-world.js';

export class HostFaults extends Faults<HostWorld> {
  protected override mend(): void {
    const { controller } = this.world;
    if (controller !== null) controller.outputsLeft = Number.POSITIVE_INFINITY;
    this.world.start();
  }

  protected override one(): void {
    const { random, world } = this;
    const dice = random.unit();
    if (dice < 0.12) this.#killController();
    else if (dice < 0.22) {
      world.controller?.stall(random.exponential(random.pick([10, 100, 1500])));
    } else if (dice < 0.3) world.setCondition(random.pick(['up', 'degraded', 'down'] as const));
    else this.#process();
  }

  /** At once, or in the middle of what it does next. */
  #killController(): void {
    const { random, world } = this;
    const { controller } = world;
    if (controller === null || random.chance(0.5)) return world.kill();
    controller.outputsLeft = random.below(8);
  }

  #process(): void {
    const { random, world } = this;
    const { running } = world.truth;
    if (running.length === 0) return;
    const dice = random.unit();
    // Several at once, now and then.
    const several = random.chance(0.2) ? random.whole(2, 5) : 1;
    for (let count = 0; count < several; count++) {
      const process = random.pick(running);
      if (dice < 0.4) process.crash();
      else if (dice < 0.6) process.kill();
      else process.hang();
    }
  }
}
