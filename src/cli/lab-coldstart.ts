/** `backplane lab coldstart`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { enterLab } from '../lab/index.js';
import {
  COLD_START_PROFILE,
  type ColdStartResult,
  runColdStart,
} from '../lab/scenario/coldstart.js';
import { DOWN_LIMIT_MS } from '../lab/scenario/coldstart-down.js';
import { endings } from '../lab/scenario/coldstart-orders.js';
import { stepViolations } from '../lab/scenario/coldstart-steps.js';
import { systemRuntime } from '../runtime/index.js';
import { finish, progress, table } from './report.js';
import { wholeNumber } from './whole-number.js';

const SEED_MAX = 2 ** 32 - 1;
const ORDERS_MAX = 1000;
const TRIALS_MAX = 100;

interface ColdStartCommandOptions {
  readonly orders: number;
  readonly trials: number;
  readonly seed?: number;
  readonly json?: boolean;
}

/** Tells the program that begins again in a guest what its first beginning chose. */
const STORES_VARIABLE = 'BACKPLANE_STORES';
const SEED_VARIABLE = 'BACKPLANE_SEED';

/**
 * A temporary folder on this machine's disk, which a guest gets to write to: what it has itself is
 * in memory. It is gone with the process that made it.
 */
function storesFolder(): string {
  const chosen = process.env[STORES_VARIABLE];
  if (chosen !== undefined) return chosen;
  const folder = mkdtempSync(join(tmpdir(), 'backplane-stores-'));
  process.env[STORES_VARIABLE] = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function seedOf(given: number | undefined): number {
  const chosen = given ?? Number(process.env[SEED_VARIABLE] ?? newSeed());
  process.env[SEED_VARIABLE] = String(chosen);
  return chosen;
}

function newSeed(): number {
  return systemRuntime.random.bytes(4).readUInt32BE(0);
}

function text({ steps }: ColdStartResult): string {
  const rows = steps.map(({ name, happened, ok }) => [ok ? 'ok' : 'WRONG', name, happened]);
  return table(['', 'step', 'what happened'], rows);
}

/** Runs it and reports. */
async function coldStart({ orders, trials, seed, json }: ColdStartCommandOptions): Promise<void> {
  const chosen = seedOf(seed);
  const stores = storesFolder();
  await enterLab({ writable: [stores] });
  const startMs = performance.now();
  progress(`seed ${chosen}`);
  const command = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))];
  const result = await runColdStart({
    seed: chosen,
    endings: Array.from({ length: orders }, (_, i) => endings[i % endings.length]!),
    forces: true,
    downTrials: trials,
    stores,
    command,
    progress,
  });
  finish(
    {
      command: 'lab',
      violations: stepViolations(result.steps),
      scenario: 'coldstart',
      profile: COLD_START_PROFILE,
      seed: chosen,
      orders,
      downMs: result.downMs,
      downLimitMs: DOWN_LIMIT_MS,
      steps: result.steps,
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}

/** Adds the command to `lab`. */
export function addLabColdStart(lab: Command): void {
  lab
    .command('coldstart')
    .description('the configuration when all hosts end and start, masters are lost and forced')
    .option('--orders <number>', 'random orders to start in', wholeNumber(1, ORDERS_MAX), 10)
    .option(
      '--trials <number>',
      'losses of all masters, in each way',
      wholeNumber(1, TRIALS_MAX),
      3,
    )
    .option('--seed <number>', 'of what is left to chance', wholeNumber(0, SEED_MAX))
    .option('--json', 'print one JSON object as the last line')
    .action(coldStart);
}
