/** `npm run -s fuzz [-- --json]`: what any peer may send, into every decoder of the package. */
import { finish, progress, table } from '../../src/cli/report.js';
import { programNamed, runProgram } from '../../src/cli/usage.js';
import { wholeNumber } from '../../src/cli/whole-number.js';
import { type FuzzFindings, fuzz } from './fuzz.js';
import { SLOWEST_MS } from './run-decoder.js';

interface Options {
  readonly json: boolean;
  readonly inputs: number;
  readonly seed: number;
}

const INPUTS = 2_000_000;
const SEEDS = 2 ** 32;
const PROGRESS_EVERY_MS = 5000;

function asTable({ decoders }: FuzzFindings): string {
  return table(
    ['decoder', 'inputs', 'accepted', 'rejected', 'slowest ms'],
    decoders.map(({ name, inputs, accepted, rejected, slowestMs }) => [
      name,
      inputs,
      accepted,
      rejected,
      slowestMs,
    ]),
  );
}

async function main({ json, inputs, seed }: Options): Promise<void> {
  progress(`${inputs} inputs for each decoder, seed ${seed}`);
  const startMs = performance.now();
  let nextMs = startMs + PROGRESS_EVERY_MS;
  const findings = await fuzz({
    inputs,
    seed,
    progress: (done, of) => {
      if (performance.now() < nextMs) return;
      nextMs = performance.now() + PROGRESS_EVERY_MS;
      progress(`${done} of ${of}`);
    },
  });
  const tookMs = Math.round(performance.now() - startMs);
  finish(
    { command: 'fuzz', ...findings, seed, allowedMs: SLOWEST_MS, tookMs },
    { json, text: () => asTable(findings) },
  );
}

const program = programNamed('fuzz')
  .description(
    'Random, broken and generated inputs for every decoder; only ProtocolErrors may come',
  )
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--inputs <n>', 'for each decoder', wholeNumber(1, 2 ** 40), INPUTS)
  .option('--seed <n>', 'the same seed makes the same inputs', wholeNumber(0, SEEDS - 1))
  .action(async ({ seed = Date.now() % SEEDS, ...options }: Partial<Options>) => {
    await main({ ...(options as Options), seed }).catch((error: unknown) => {
      const violations = [`the fuzzer failed: ${String(error)}`];
      finish({ command: 'fuzz', violations, seed }, { json: options.json === true });
    });
  });

await runProgram(program);
