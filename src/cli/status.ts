/** `backplane status`: the whole cluster on one screen. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ClusterStatus } from '../controller/cluster-status.js';
import { BackplaneError } from '../errors.js';
import { printJson } from './config-options.js';
import { addControlOptions, type ControlCommandOptions, controlPath } from './control-options.js';
import { askCluster } from './controller-remote.js';
import { wrap } from './fit-table.js';
import { interrupted } from './signals.js';
import { statusLines } from './status-text.js';
import { fitOf } from './terminal.js';

interface StatusOptions extends ControlCommandOptions {
  readonly watch?: boolean;
}

const EVERY_MS = 1000;
const ESC = '\u001b';

function print(status: ClusterStatus, json: boolean): void {
  if (json) printJson('status', status);
  else process.stdout.write(`${statusLines(status, fitOf(process.stdout)).join('\n')}\n`);
}

/** Draws over what is there. What is more than a screen is counted, not scrolled away. */
function draw(lines: readonly string[]): void {
  const { rows = 0 } = process.stdout;
  const most = rows > 1 ? rows - 1 : lines.length;
  const shown = lines.length <= most ? lines : lines.slice(0, most - 1);
  const rest = lines.length - shown.length;
  const all = rest === 0 ? shown : [...shown, `... ${rest} lines more`];
  process.stdout.write(`${ESC}[H${all.map((line) => `${line}${ESC}[K\n`).join('')}${ESC}[J`);
}

/** Looks again and again; a controller that is away is waited for. */
async function watch(path: string, json: boolean): Promise<void> {
  const isScreen = process.stdout.isTTY && !json;
  const ending = new AbortController();
  void interrupted().then(() => ending.abort());
  if (isScreen) process.stdout.write(`${ESC}[2J`);
  while (!ending.signal.aborted) {
    try {
      const status = await askCluster(path);
      if (isScreen) draw(statusLines(status, fitOf(process.stdout)));
      else print(status, json);
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      const { code, message } = error;
      if (isScreen) draw(wrap(`${code}: ${message}`, fitOf(process.stdout).columns));
      else process.stderr.write(`backplane: ${code}: ${message}\n`);
    }
    await delay(EVERY_MS, undefined, { signal: ending.signal }).catch(() => {});
  }
}

async function run(options: StatusOptions): Promise<void> {
  const path = await controlPath(options);
  const json = options.json === true;
  if (options.watch === true) await watch(path, json);
  else print(await askCluster(path), json);
}

/** Adds the command to the program. */
export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('show the whole cluster: hosts, planes, paths, alarms')
    .option('--watch', 'again every second, until it is interrupted');
  addControlOptions(command).action(run);
}
