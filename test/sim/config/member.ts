/** One node that keeps the configuration: its disk, which stays, and its process, while it runs. */
import type { Linked } from './bus.js';
import type { SimDisk } from './disk.js';
import type { SimProcess } from './process.js';

/** A node that has links, and no machine yet: whatever is said to it is lost. */
export class Opening implements Linked {
  readonly name: string;
  readonly isAlive = true;
  readonly isStalled = false;

  constructor(name: string) {
    this.name = name;
  }

  linkEvent(): void {
    // The machine is told of the links that are up when it begins.
  }
}

export class SimMember {
  readonly name: string;
  readonly disk: SimDisk;
  /** It is never a master. */
  readonly isSlave: boolean;
  process: SimProcess | null = null;
  /** Its store is being opened, and its links are there. */
  opening: Opening | null = null;
  /** An operator keeps it off. */
  isOff = false;

  constructor(name: string, disk: SimDisk, isSlave: boolean) {
    this.name = name;
    this.disk = disk;
    this.isSlave = isSlave;
  }
}
