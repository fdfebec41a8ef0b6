/** One node that keeps the configuration: its disk, which stays, and its process, while it runs. */
import type { SimDisk } from './disk.js';
import type { SimProcess } from './process.js';

export class SimMember {
  readonly name: string;
  readonly disk: SimDisk;
  /** It is never a master. */
  readonly isSlave: boolean;
  process: SimProcess | null = null;
  /** An operator keeps it off. */
  isOff = false;

  constructor(name: string, disk: SimDisk, isSlave: boolean) {
    this.name = name;
    this.disk = disk;
    this.isSlave = isSlave;
  }
}
