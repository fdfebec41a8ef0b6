/** `backplane demo:cluster`: a cluster of three hosts, from the first start to the worst day. */
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { enterLab } from '../lab/index.js';
import {
  CLUSTER_PROFILE,
  type ClusterDemoResult,
  runClusterDemo,
} from '../lab/scenario/cluster-demo.js';
import { stepViolations } from '../lab/scenario/coldstart-steps.js';
import { finish, progress, table } from './report.js';

interface DemoClusterOptions {
  readonly json?: boolean;
}

function text({ steps }: ClusterDemoResult): string {
  const rows = steps.map(({ name, happened, ok }) => [ok ? 'ok' : 'WRONG', name, happened]);
  return table(['', 'step', 'what happened'], rows);
}

async function run({ json }: DemoClusterOptions): Promise<void> {
  await enterLab();
  const startMs = performance.now();
  const command = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))];
  const result = await runClusterDemo({ command, progress });
  finish(
    {
      command: 'demo:cluster',
      violations: stepViolations(result.steps),
      profile: CLUSTER_PROFILE,
      steps: result.steps,
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}

/** Adds the command to the program. */
export function addDemoCluster(program: Command): void {
  program
    .command('demo:cluster')
    .description('three hosts, two planes: a cluster starts, loses a plane and its masters')
    .option('--json', 'print one JSON object as the last line')
    .action(run);
}
