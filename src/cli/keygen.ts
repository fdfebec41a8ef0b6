/** `backplane keygen`: makes a cluster's key. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createKeyFile } from '../node/key-file.js';
import { systemRuntime } from '../runtime/index.js';

interface KeygenOptions {
  readonly json?: boolean;
}

async function keygen(file: string, { json }: KeygenOptions): Promise<void> {
  const path = resolve(file);
  await createKeyFile(path, systemRuntime.random);
  if (json === true) {
    console.log(JSON.stringify({ command: 'keygen', ok: true, violations: [], file: path }));
  } else {
    console.log(path);
  }
}

/** Adds the command to the program. */
export function addKeygen(program: Command): void {
  program
    .command('keygen')
    .description('make a cluster key, in a new file that only you can read')
    .argument('[file]', 'where to', 'cluster.key')
    .option('--json', 'print one JSON object as the last line')
    .action(keygen);
}
