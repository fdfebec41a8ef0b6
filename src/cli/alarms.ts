/** `backplane alarms`: what is wrong anywhere in the cluster. */
import type { Command } from 'commander';
import type { ClusterStatus } from '../controller/cluster-status.js';
import { printJson } from './config-options.js';
import { addControlOptions, type ControlCommandOptions } from './control-options.js';
import { clusterOf } from './controller-remote.js';
import { type Fit, wrap } from './fit-table.js';
import { alarmLines } from './status-text.js';
import { fitOf } from './terminal.js';

/** What a person reads. */
export function alarmsText({ alarms, hosts }: ClusterStatus, fit: Fit): string {
  const unreached = hosts.filter(({ status }) => status === null).map(({ host }) => host);
  const lines = alarms.length === 0 ? ['no alarms'] : alarmLines(alarms, fit, alarms.length);
  if (unreached.length > 0) {
    lines.push(...wrap(`not reached, and so not asked: ${unreached.join(', ')}`, fit.columns));
  }
  return `${lines.join('\n')}\n`;
}

async function run(options: ControlCommandOptions): Promise<void> {
  const status = await clusterOf(options);
  if (options.json !== true) {
    process.stdout.write(alarmsText(status, fitOf(process.stdout)));
    return;
  }
  const { alarms, hosts } = status;
  const unreached = hosts.filter((each) => each.status === null).map(({ host }) => host);
  printJson('alarms', { alarms, unreached });
}

/** Adds the command to the program. */
export function addAlarms(program: Command): void {
  const command = program
    .command('alarms')
    .description('show the active alarms of all hosts, the worst first');
  addControlOptions(command).action(run);
}
