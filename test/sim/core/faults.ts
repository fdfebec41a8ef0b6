/** What goes wrong in a world, and when. */
import type { SeededRandom } from '../../random.js';

/** A world in which something goes wrong from time to time. */
export interface FaultyWorld {
  readonly random: SeededRandom;
  readonly time: { after(delayMs: number, callback: () => void): unknown };
  readonly knobs: { readonly faultEveryMs: number };
}

/** Has faults happen one after the other, until they are ended. */
export abstract class Faults<World extends FaultyWorld> {
  protected readonly world: World;
  protected readonly random: SeededRandom;
  protected isOver = false;

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork('faults');
  }

  begin(): void {
    const { time, knobs } = this.world;
    time.after(this.random.exponential(knobs.faultEveryMs), () => {
      if (this.isOver) return;
      this.one();
      this.begin();
    });
  }

  /** Nothing more goes wrong, and all is mended that is to be. */
  end(): void {
    this.isOver = true;
    this.mend();
  }

  /** One fault, drawn at random. */
  protected abstract one(): void;

  /** What lasts longer than its moment is put right. */
  protected abstract mend(): void;
}
