/** `npm run -s bench -- <what> [--json]`: ours and what people would use instead, side by side. */
import { type Command, InvalidArgumentError } from 'commander';
import { finish } from '../src/cli/report.js';
import { programNamed, runProgram } from '../src/cli/usage.js';
import { wholeNumber } from '../src/cli/whole-number.js';
import { type BulkBenchOptions, benchBulk } from './bulk.js';
import { benchConfig, type ConfigBenchOptions, configCases } from './config.js';
import { benchMesh, type MeshBenchOptions } from './mesh.js';
import { benchMessaging, type MessagingBenchOptions, messagingCases } from './messaging.js';
import { benchMoleculer, type MoleculerBenchOptions } from './moleculer.js';
import { benchSctp, type SctpBenchOptions, sctpSizes } from './sctp.js';

async function orFail(benchmark: Promise<void>, json: boolean): Promise<void> {
  await benchmark.catch((error: unknown) => {
    const { message } = error instanceof Error ? error : new Error(String(error));
    finish({ command: 'bench', violations: [`the benchmark failed: ${message}`] }, { json });
  });
}

const program = programNamed('bench').description('Ours and what people would use instead');

/** A text that the name of a case holds: a benchmark of nothing would be content. */
function partOf(names: readonly string[]): (text: string) => string {
  return (text) => {
    if (names.some((name) => name.includes(text))) return text;
    throw new InvalidArgumentError(`No case has that in its name; there are: ${names.join('; ')}.`);
  };
}

/** Sizes of cases, one added to those before. */
function addSize(text: string, sizes: readonly number[]): readonly number[] {
  const size = Number(text);
  if (sctpSizes.includes(size)) return [...sizes, size];
  throw new InvalidArgumentError(`No case has that size; there are: ${sctpSizes.join(', ')}.`);
}

/** One benchmark, with the options that all have. */
function benchmark(
  name: string,
  description: string,
  defaults: { readonly pairs: number; readonly warmupMs: number; readonly measureMs: number },
): Command {
  return program
    .command(name)
    .description(description)
    .option('--json', 'one JSON object as the last line of standard output', false)
    .option('--pairs <n>', 'runs of each side per case', wholeNumber(1), defaults.pairs)
    .option('--warmup-ms <ms>', 'traffic before a window', wholeNumber(1), defaults.warmupMs)
    .option('--measure-ms <ms>', 'length of a window', wholeNumber(1), defaults.measureMs);
}

benchmark(
  'sctp',
  'one way, Node.js to Node.js over backplane/sctp, against plain C on the same sockets',
  { pairs: 5, warmupMs: 5000, measureMs: 2000 },
)
  .option('--size <bytes>', 'only this size; may be repeated', addSize, [] as readonly number[])
  .action(async ({ size, ...options }: SctpBenchOptions & { size: readonly number[] }) => {
    await orFail(benchSctp({ ...options, sizes: size }), options.json);
  });

benchmark(
  'messaging',
  'node to node, sealed, ordered, with outcomes, against plain C and Node.js net',
  // Until V8 first collects, each message's memory is new.
  { pairs: 5, warmupMs: 6000, measureMs: 2000 },
)
  .option('--only <text>', 'only cases whose name holds this', partOf(messagingCases), '')
  .action((options: MessagingBenchOptions) => orFail(benchMessaging(options), options.json));

benchmark('bulk', 'small calls beside bodies of 64 MiB, against the same over one socket of net', {
  pairs: 3,
  warmupMs: 20_000,
  measureMs: 10_000,
}).action((options: BulkBenchOptions) => orFail(benchBulk(options), options.json));

benchmark('moleculer', "Moleculer's requests over links, against its own TCP transporter", {
  pairs: 5,
  warmupMs: 5000,
  measureMs: 3000,
}).action((options: MoleculerBenchOptions) => orFail(benchMoleculer(options), options.json));

benchmark('config', 'the replicated configuration on disks, against etcd on the same ones', {
  pairs: 3,
  warmupMs: 3000,
  measureMs: 5000,
})
  .option('--only <text>', 'only cases and figures whose name holds this', partOf(configCases), '')
  .option('--folder <path>', 'where all store: on a disk, not in memory', 'build/bench-config')
  .action((options: ConfigBenchOptions) => orFail(benchConfig(options), options.json));

program
  .command('mesh')
  .description('what the kernel alone takes for a full mesh, in plain C')
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--nodes <n>', 'nodes, on 8 hosts', wholeNumber(8), 64)
  .option('--warmup-ms <ms>', 'before a window', wholeNumber(1), 5000)
  .option('--measure-ms <ms>', 'length of a window', wholeNumber(1), 20_000)
  .action((options: MeshBenchOptions) => orFail(benchMesh(options), options.json));

await runProgram(program);
