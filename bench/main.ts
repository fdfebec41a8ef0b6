/** `npm run -s bench -- <what> [--json]`: ours and what people would use instead, side by side. */
import { Command, InvalidArgumentError } from 'commander';
import { finish } from '../src/cli/report.js';
import { benchSctp, type SctpBenchOptions } from './sctp.js';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('not 1 or more');
  return value;
}

const program = new Command('bench').description('Ours and what people would use instead');

program
  .command('sctp')
  .description(
    'one way, Node.js to Node.js over backplane/sctp, against plain C on the same sockets',
  )
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--pairs <n>', 'runs of each side per case', wholeNumber, 5)
  .option('--warmup-ms <ms>', 'traffic before a window begins', wholeNumber, 5000)
  .option('--measure-ms <ms>', 'length of a window', wholeNumber, 2000)
  .option(
    '--size <bytes>',
    'only this size; may be repeated',
    (text: string, sizes: readonly number[]) => [...sizes, wholeNumber(text)],
    [] as readonly number[],
  )
  .action(async ({ size, ...options }: SctpBenchOptions & { size: readonly number[] }) => {
    await benchSctp({ ...options, sizes: size }).catch((error: unknown) => {
      const { message } = error instanceof Error ? error : new Error(String(error));
      finish({ command: 'bench', violations: [`the benchmark failed: ${message}`] }, options);
    });
  });

await program.parseAsync();
