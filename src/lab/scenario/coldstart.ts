/**
 * The cases of a configuration's cold start, on four hosts with two planes: all of them end and
 * start in random orders; a master is alone, and forces; an old one returns; two sides were forced
 * apart; the last master goes out of reach. Stores are on a disk, orders are given by the command.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { createLab, type Lab } from '../network/lab.js';
import { Cast, COLD_START_PROFILE, type Folders } from './coldstart-cast.js';
import { Chance } from './coldstart-chance.js';
import { Downs } from './coldstart-down.js';
import { Forces } from './coldstart-force.js';
import { type Endings, Orders } from './coldstart-orders.js';
import { type ColdStartStep, Steps } from './coldstart-steps.js';

export { COLD_START_PROFILE };

const HOSTS = 4;

export interface ColdStartOptions {
  /** What is left to chance follows from it. */
  readonly seed: number;
  /** How all hosts end, before they start in random orders. */
  readonly endings: readonly Endings[];
  /** Whether masters are lost and forced after that. */
  readonly forces: boolean;
  /** How often the masters go out of reach, in each way. */
  readonly downTrials: number;
  /** Folder for the stores, which must be new ones; on a disk. */
  readonly stores: string;
  /** The program `backplane`: what comes before its own arguments. */
  readonly command: readonly string[];
  progress(line: string): void;
}

export interface ColdStartResult {
  readonly steps: readonly ColdStartStep[];
  /** From the last master's end to DOWN at a slave; null: it was not tried. */
  readonly downMs: number | null;
}

async function takeSteps(options: ColdStartOptions, lab: Lab, folders: Folders) {
  const { seed, endings, forces, downTrials } = options;
  const cast = new Cast(lab, folders, options.command);
  const steps = new Steps(options.progress);
  const downs = new Downs(cast, steps);
  await steps.run(async () => {
    const orders = new Orders(cast, new Chance(seed), steps);
    await orders.begin();
    for (const [index, ending] of endings.entries()) {
      await orders.one(index + 1, endings.length, ending);
    }
    if (forces) await new Forces(cast, steps).run();
    if (downTrials > 0) await downs.run(downTrials);
    await cast.endAll('stop');
  });
  return { steps: steps.all, downMs: downs.timesMs.length > 0 ? Math.max(...downs.timesMs) : null };
}

/**
 * Runs it in a lab of this process.
 * @throws LabError ERR_LAB when a lab cannot be made; what fails within a step is told by it.
 */
export async function runColdStart(options: ColdStartOptions): Promise<ColdStartResult> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'backplane-coldstart-'));
  mkdirSync(options.stores, { recursive: true });
  const lab = await createLab({ hosts: HOSTS });
  try {
    return await takeSteps(options, lab, { stores: options.stores, scratch });
  } finally {
    await lab.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}
