/** `npm run -s bench -- <what> [--json]`: ours and what people would use instead, side by side. */
import { Command, InvalidArgumentError } from 'commander';
import { finish } from '../src/cli/report.js';
import { type BulkBenchOptions, benchBulk } from './bulk.js';
import { benchMessaging, type MessagingBenchOptions } from './messaging.js';
import { benchSctp, type SctpBenchOptions } from './sctp.js';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('not 1 or more');
  return value;
}

async function orFail(benchmark: Promise<void>, json: boolean): Promise<void> {
  await benchmark.catch((error: unknown) => {
    const { message } = error instanceof Error ? error : new Error(String(error));
    finish({ command: 'bench', violations: [`the benchmark failed: ${message}`] }, { json });
  });
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
    await orFail(benchSctp({ ...options, sizes: size }), options.json);
  });

program
  .command('messaging')
  .description('node to node, sealed, ordered, with outcomes, against plain C and Node.js net')
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--pairs <n>', 'runs of each side per case', wholeNumber, 5)
  .option('--warmup-ms <ms>', 'traffic before a window begins', wholeNumber, 2000)
  .option('--measure-ms <ms>', 'length of a window', wholeNumber, 2000)
  .option('--only <text>', 'only cases whose name holds this', '')
  .action((options: MessagingBenchOptions) => orFail(benchMessaging(options), options.json));

program
  .command('bulk')
  .description('small calls beside bodies of 64 MiB, against the same over one socket of net')
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--pairs <n>', 'runs of each side', wholeNumber, 3)
  .option('--warmup-ms <ms>', 'traffic before a window begins', wholeNumber, 5000)
  .option('--measure-ms <ms>', 'length of a window', wholeNumber, 10_000)
  .action((options: BulkBenchOptions) => orFail(benchBulk(options), options.json));

await program.parseAsync();
