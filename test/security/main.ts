/**
 * `npm run -s adversary -- [--json]`: everybody who is not of the cluster, and whether anybody lets
 * them in.
 */
import { Option } from 'commander';
import { finish, progress, table } from '../../src/cli/report.js';
import { programNamed, runProgram } from '../../src/cli/usage.js';
import { wholeNumber } from '../../src/cli/whole-number.js';
import { enterLab } from '../../src/lab/index.js';
import { type BundleFindings, runBundles } from './bundles.js';
import { type FloodFindings, flood } from './flood.js';
import { runLinks } from './links.js';
import { type HandshakeFindings, runHandshakes } from './run-handshakes.js';

interface Options {
  readonly json: boolean;
  readonly seed: number;
  readonly handshakes: number;
  readonly bundles: number;
  readonly halfOpen: number;
  readonly slowDrips: number;
  /** What was found before the guest was entered. */
  readonly found?: Found;
}

/** What needs no SCTP is found outside: a guest's CPU is several times slower. */
interface Found {
  readonly handshakes: HandshakeFindings;
  readonly bundles: readonly BundleFindings[];
}

const program = programNamed('adversary')
  .description('forged handshakes and strangers against real nodes')
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--seed <n>', 'what the attackers do at random', wholeNumber(1), 1)
  .option('--handshakes <n>', 'attacks on handshakes', wholeNumber(1), 100_000)
  .option('--bundles <n>', 'attacks on sealed bundles', wholeNumber(1), 20_000)
  .option('--half-open <n>', 'associations without a handshake', wholeNumber(1), 10_000)
  .option('--slow-drips <n>', 'handshakes that never end', wholeNumber(1), 500)
  .addOption(new Option('--found <json>').argParser(JSON.parse).hideHelp());

async function attack({ seed, handshakes, bundles }: Options): Promise<Found> {
  const startMs = performance.now();
  const found = await runHandshakes({
    attempts: handshakes,
    seed,
    told: (attempts) => {
      const seconds = Math.round((performance.now() - startMs) / 1000);
      progress(`${attempts} of ${handshakes} handshakes, ${seconds} s`);
    },
  });
  progress(`${bundles} bundles`);
  // A link costs a handshake, so there are fewer of them.
  const onLinks = Math.ceil(bundles / 10);
  return {
    handshakes: found,
    bundles: [runBundles(bundles - onLinks, seed), runLinks(onLinks, seed)],
  };
}

function report({ handshakes, bundles }: Found, strangers: FloodFindings, options: Options): void {
  const { violations, ...figures } = strangers;
  const counts = handshakes.handshakes;
  const bundleCounts = bundles.flatMap((each) => each.bundles);
  const sum = (of: (count: (typeof counts)[number]) => number) =>
    counts.reduce((total, count) => total + of(count), 0);
  const attempts = sum((count) => count.attempts);
  const accepted = sum((count) => count.accepted);
  finish(
    {
      command: 'adversary',
      violations: [
        ...handshakes.violations,
        ...bundles.flatMap((each) => each.violations),
        ...violations,
      ],
      seed: options.seed,
      attempts,
      accepted,
      control: handshakes.control,
      bundleControl: bundles.map((each) => each.control),
      ...figures,
      handshakes: counts,
      bundles: bundleCounts,
    },
    {
      json: options.json,
      text: () =>
        `${table(
          ['attack', 'attempts', 'accepted', 'at dialler', 'at acceptor', 'at a node'],
          counts.map((count) => [
            count.kind,
            count.attempts,
            count.accepted,
            count.atDialler,
            count.atAcceptor,
            count.atNode,
          ]),
        )}\n${table(
          ['bundles', 'attempts', 'accepted'],
          bundleCounts.map(({ kind, attempts, accepted }) => [kind, attempts, accepted]),
        )}\n${table(['strangers', ''], Object.entries(figures))}`,
    },
  );
}

async function main(options: Options): Promise<void> {
  const found = options.found ?? (await attack(options));
  await enterLab({ argv: [...process.argv.slice(1), '--found', JSON.stringify(found)] });
  report(found, await flood(options), options);
}

program.action((options: Options) =>
  main(options).catch((error: unknown) => {
    const { message } = error instanceof Error ? error : new Error(String(error));
    finish({ command: 'adversary', violations: [`it could not be run: ${message}`] }, options);
  }),
);

await runProgram(program);
