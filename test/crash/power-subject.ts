/**
 * Masters on the disk of a guest whose power is cut while clients write. The disk is a file of the
 * host, and the guest's processes are killed: what the guest had not yet written to its disk is
 * gone, as it is when a host loses its power.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runGuest } from '../../src/lab/guest/guest.js';
import type { SeededRandom } from '../../src/testing/random.js';
import { Deferred } from './deferred.js';
import { makeDisk } from './guest-disk.js';
import { type Acknowledged, REMEMBERED } from './masters-judge.js';
import { masterNames } from './masters-subject.js';
import { MastersVictim } from './masters-victim.js';
import type { PowerReport, PowerSetup } from './power-protocol.js';
import type { Loss, Subject, Victim } from './subject.js';

const program = fileURLToPath(new URL('power-process.js', import.meta.url));

const DISK_MIB = 256;
const MEMORY_MIB = 512;
/** The masters have opened their stores and met by then. */
const EARLY_MS = 1500;
/** From the boot of a guest to its end. */
const GUEST_MS = 120_000;

/** Calls back with every line. */
function lines(heard: (line: string) => void): Writable {
  let text = '';
  return new Writable({
    write(data: Buffer, _encoding, done) {
      const all = `${text}${data.toString()}`.split('\n');
      text = all.pop()!;
      for (const line of all) heard(line);
      done();
    },
  });
}

/** One guest, from its boot to the cut. */
class PoweredGuest {
  readonly looked = new Deferred<Loss>();
  readonly victim: MastersVictim;
  readonly #power = new AbortController();
  readonly #ended: Promise<void>;
  readonly #heard: (report: PowerReport) => void;

  /** @param heard is told everything first */
  constructor(disk: string, setup: string, heard: (report: PowerReport) => void) {
    this.#heard = heard;
    this.victim = new MastersVictim(['guest'], () => this.cut());
    this.#ended = runGuest({
      argv: [process.execPath, program, setup],
      disk,
      power: this.#power.signal,
      memoryMiB: MEMORY_MIB,
      deadlineMs: GUEST_MS,
      stdout: lines((line) => this.#hear(JSON.parse(line) as PowerReport)),
    }).then(
      ({ exitCode }) => this.#fail(`the guest has ended, with ${exitCode}`),
      (error: Error) => this.#fail(error.message),
    );
  }

  /** Returns when nothing of it runs, and all that it had said is known. */
  async cut(): Promise<void> {
    this.#power.abort();
    await this.#ended;
  }

  #fail(message: string): void {
    this.looked.reject(new Error(message));
    this.victim.fail(message);
  }

  #hear(report: PowerReport): void {
    this.#heard(report);
    switch (report.type) {
      case 'looked':
        return this.looked.resolve(report.loss);
      case 'opening':
        // How long a store takes to open is not measured in a guest.
        this.victim.opening('guest');
        return this.victim.opened('guest');
      case 'acknowledged':
        return this.victim.wrote(performance.now());
      case 'failed':
        this.#fail(report.message);
    }
  }
}

export class PowerSubject implements Subject {
  /** Where losses have to be found, every cut comes after a write. */
  readonly earlyMs: number | null;
  readonly #folder: string;
  readonly #random: SeededRandom;
  readonly #masters: readonly string[];
  readonly #overlay: PowerSetup['overlay'];
  #guest: PoweredGuest | null = null;
  #acknowledged = 0;
  #written: Acknowledged[] = [];

  /**
   * @param count of masters
   * @param overlay a module of the masters' program in another form, which loses writes
   */
  constructor(
    folder: string,
    count: number,
    random: SeededRandom,
    overlay: PowerSetup['overlay'] = null,
  ) {
    this.#folder = folder;
    this.#random = random;
    this.#masters = masterNames(count);
    this.#overlay = overlay;
    this.earlyMs = overlay === null ? EARLY_MS : null;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  async prepare(): Promise<void> {
    makeDisk(this.#disk, DISK_MIB);
  }

  start(): Victim {
    this.#guest ??= this.#boot();
    return this.#guest.victim;
  }

  /** The disk is looked at by the guest that goes on with it. */
  async look(): Promise<Loss> {
    this.#written = this.#written.slice(-REMEMBERED);
    this.#guest = this.#boot();
    return this.#guest.looked.promise;
  }

  async reset(): Promise<void> {
    await this.close();
    this.#written = [];
    makeDisk(this.#disk, DISK_MIB);
  }

  async close(): Promise<void> {
    await this.#guest?.cut();
    this.#guest = null;
  }

  get #disk(): string {
    return join(this.#folder, 'disk');
  }

  #boot(): PoweredGuest {
    const setup: PowerSetup = {
      masters: this.#masters,
      seed: this.#random.u32(),
      written: this.#written,
      overlay: this.#overlay,
    };
    const path = join(this.#folder, 'setup.json');
    writeFileSync(path, JSON.stringify(setup));
    return new PoweredGuest(this.#disk, path, (report) => this.#hear(report));
  }

  #hear(report: PowerReport): void {
    // Then it begins anew.
    if (report.type === 'looked' && report.loss.findings.length > 0) this.#written = [];
    if (report.type !== 'acknowledged') return;
    this.#acknowledged++;
    this.#written.push(report.acknowledged);
  }
}
