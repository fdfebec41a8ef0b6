/** `npm run -s lifecycle [-- --json]`: the addon's life under sanitizers, on any Linux host. */
import { randomInt } from 'node:crypto';
import { finish, progress, table } from '../../src/cli/report.js';
import { programNamed, runProgram } from '../../src/cli/usage.js';
import { wholeNumber } from '../../src/cli/whole-number.js';
import { type LifecycleReport, runLifecycle } from './run.js';

const COMMAND = 'lifecycle';

interface Options {
  readonly json: boolean;
  readonly opened: number;
  readonly workers: number;
  readonly seed?: number;
}

function textOf(report: LifecycleReport): string {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return table(
    ['', 'figure'],
    [
      ['sockets opened', report.opened],
      ['sockets closed', report.closed],
      ['workers terminated in mid-call', report.workers],
      ['processes ended in a state', report.exits],
      ['findings', report.findings],
      ['descriptors before', report.descriptorsBefore],
      ['descriptors after', report.descriptorsAfter],
      ['resident memory at 20 %', mebibytes(report.residentBytesAt20Percent)],
      ['resident memory at the end', mebibytes(report.residentBytesAtEnd)],
    ],
  );
}

async function main(options: Options): Promise<void> {
  const { json, opened, workers, seed = randomInt(1, 2 ** 31) } = options;
  try {
    const report = await runLifecycle({ opened, workers, seed, progress });
    for (const text of report.reports) progress(`\n${text}`);
    finish({ command: COMMAND, ...report }, { json, text: () => textOf(report) });
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    finish({ command: COMMAND, violations: [`the run failed: ${message}`], seed }, { json });
  }
}

const program = programNamed(COMMAND)
  .description('Opens, closes, collects, terminates and exits, with the addon under sanitizers')
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--opened <n>', 'sockets to open and close', wholeNumber(1), 100_000)
  .option('--workers <n>', 'workers to terminate in mid-call', wholeNumber(1), 500)
  .option('--seed <n>', 'replays the order of what is done to sockets', wholeNumber(1))
  .action(main);

await runProgram(program);
