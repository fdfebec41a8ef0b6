/** `backplane paths`: the paths of a running node, once or again and again. */
import type { Command } from 'commander';
import { limits } from '../limits.js';
import type { PathsAnswer } from '../observe/control.js';
import { askControl } from '../observe/control-client.js';
import { systemRuntime } from '../runtime/index.js';
import { addControlOptions, type ControlCommandOptions, controlPath } from './control-options.js';
import { LiveText } from './live-text.js';
import { interrupted } from './signals.js';
import { type Cell, table } from './table.js';
import { wholeNumber } from './whole-number.js';

interface PathsOptions extends ControlCommandOptions {
  readonly watch?: boolean;
  readonly intervalMs: number;
}

/** What a person reads. */
export function pathsText({ paths }: Pick<PathsAnswer, 'paths'>): string {
  const rows = paths.map((path): Cell[] => [
    path.name,
    path.plane,
    path.address,
    path.state,
    path.primary ? '*' : '',
    path.gray.join(' '),
    path.rttMs,
    path.rtoMs,
    path.cwndBytes,
  ]);
  const header = [
    'node',
    'plane',
    'address',
    'state',
    'primary',
    'gray',
    'RTT ms',
    'RTO ms',
    'cwnd',
  ];
  return rows.length === 0 ? 'no paths\n' : table(header, rows);
}

/** Those of one node: by its full name, or by its name without the host. */
export function pathsOf(answer: PathsAnswer, name: string | undefined): PathsAnswer {
  if (name === undefined) return answer;
  const isMeant = (full: string) => full === name || full.startsWith(`${name}@`);
  return { ...answer, paths: answer.paths.filter((path) => isMeant(path.name)) };
}

type Show = (answer: PathsAnswer, violations: readonly string[]) => void;

function shower({ json, watch }: PathsOptions): Show {
  if (json === true) {
    return (answer, violations) => {
      const ok = violations.length === 0;
      const time = new Date().toISOString();
      console.log(JSON.stringify({ command: 'paths', ok, violations, time, ...answer }));
    };
  }
  const live = watch === true && process.stdout.isTTY ? new LiveText(process.stdout) : null;
  return (answer, violations) => {
    const text = [pathsText(answer), ...violations.map((line) => `${line}\n`)].join('');
    if (live === null) process.stdout.write(watch === true ? `${text}\n` : text);
    else live.show(text.trimEnd().split('\n'));
  };
}

async function paths(name: string | undefined, options: PathsOptions): Promise<void> {
  const control = await controlPath(options);
  const show = shower(options);
  const look = async () => {
    const answer = pathsOf((await askControl(control, '/paths')) as PathsAnswer, name);
    const isMissing = name !== undefined && answer.paths.length === 0;
    const violations = isMissing ? [`there is no link to ${name}`] : [];
    show(answer, violations);
    process.exitCode = isMissing ? 1 : 0;
  };
  if (options.watch !== true) return look();
  const { timers } = systemRuntime;
  let isOver = false;
  let wake = () => {};
  void interrupted().then(() => {
    isOver = true;
    wake();
  });
  for (;;) {
    await look();
    if (isOver) return;
    await new Promise<void>((resolve) => {
      const timer = timers.after(options.intervalMs, resolve);
      wake = () => {
        timer.cancel();
        resolve();
      };
    });
    if (isOver) return;
  }
}

/** Adds the command to the program. */
export function addPaths(program: Command): void {
  const command = program
    .command('paths')
    .description('show the paths of a running node, by node and plane')
    .argument('[name]', 'of one node alone: name@host, or the name without the host')
    .option('--watch', 'again and again, until interrupted; with --json a line each time')
    .option('--interval-ms <ms>', 'how often', wholeNumber(10, limits.deadlineMaxMs), 1000);
  addControlOptions(command).action(paths);
}
