/** `backplane demo:typical`: the typical system of docs/typical-system.md, under load. */
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { enterLab } from '../lab/index.js';
import { stepViolations } from '../lab/scenario/coldstart-steps.js';
import { runTypical, TYPICAL_PROFILE, type TypicalResult } from '../lab/scenario/typical.js';
import { finish, progress, table } from './report.js';

interface DemoTypicalOptions {
  readonly json?: boolean;
}

function text({ steps }: TypicalResult): string {
  const rows = steps.map(({ name, happened, ok }) => [ok ? 'ok' : 'WRONG', name, happened]);
  return table(['', 'step', 'what happened'], rows);
}

async function run({ json }: DemoTypicalOptions): Promise<void> {
  await enterLab();
  const startMs = performance.now();
  const command = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))];
  const result = await runTypical({ command, progress });
  finish(
    {
      command: 'demo:typical',
      violations: stepViolations(result.steps),
      profile: TYPICAL_PROFILE,
      steps: result.steps,
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}

/** Adds the command to the program. */
export function addDemoTypical(program: Command): void {
  program
    .command('demo:typical')
    .description('a firewall, control and traffic hosts under load: a switch dies, and more')
    .option('--json', 'print one JSON object as the last line')
    .action(run);
}
