/**
 * `bench messaging`: two nodes on two hosts of the lab, with default options, against plain C on
 * the same sockets and against Node's `net`.
 */
import { fileURLToPath } from 'node:url';
import { finish, progress } from '../src/cli/report.js';
import { createLab, enterLab, type Lab } from '../src/lab/index.js';
import { setBufferLimits } from './buffer-limits.js';
import { type Case, caseTable, comparePairs, missed } from './compare.js';
import { compileRaw } from './raw.js';
import { runFlood } from './run-flood.js';

/** What `bench messaging` takes. */
export interface MessagingBenchOptions {
  readonly json: boolean;
  /** Runs of each side per case, at least 1. */
  readonly pairs: number;
  /** Traffic before a window begins, and the window, in milliseconds. */
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Only cases whose name holds this text. */
  readonly only: string;
}

/** One side of a comparison. */
interface Side {
  readonly program: readonly string[];
  readonly size: number;
  readonly options?: readonly string[];
  readonly user?: number;
}

interface Comparison {
  readonly name: string;
  readonly body: 'buffer' | 'object';
  readonly required: number;
  readonly unit: 'msg/s' | 'B/s' | 'ms';
  readonly ours: Side;
  readonly theirs: Side;
}

const NOBODY = 65534;
const SMALL = 100;
const LARGE = 65536;
const RAW_LARGE = 16384;
const RTT = ['--traffic', 'rtt'];

function comparisons(rawProgram: string): Comparison[] {
  const node = (file: string) => [
    process.execPath,
    fileURLToPath(new URL(`${file}.js`, import.meta.url)),
  ];
  const ours = node('node-end');
  const raw: Side = { program: [rawProgram], size: SMALL };
  const net: Side = { program: node('net-end'), size: SMALL };
  const small = (body: 'buffer' | 'object'): Side => ({
    program: ours,
    size: SMALL,
    options: ['--body', body],
  });
  const large = (security: string): Side => ({
    program: ours,
    size: LARGE,
    options: ['--security', security],
  });
  const rawLarge = { ...raw, size: RAW_LARGE };
  const both = (['buffer', 'object'] as const).flatMap((body): Comparison[] => [
    { name: 'kernel vs raw C', body, required: 2, unit: 'msg/s', ours: small(body), theirs: raw },
    { name: 'kernel vs net', body, required: 5, unit: 'msg/s', ours: small(body), theirs: net },
  ]);
  return [
    ...both,
    {
      name: 'kernel sealed vs raw C at 16384',
      body: 'buffer',
      required: 0.5,
      unit: 'B/s',
      ours: large('sealed'),
      theirs: rawLarge,
    },
    {
      name: 'kernel authenticated vs raw C at 16384',
      body: 'buffer',
      required: 0.7,
      unit: 'B/s',
      ours: large('authenticated'),
      theirs: rawLarge,
    },
    {
      name: 'rtt kernel vs net ping-pong',
      body: 'buffer',
      required: 0.67,
      unit: 'ms',
      ours: { program: ours, size: SMALL, options: RTT },
      theirs: { ...net, options: RTT },
    },
    {
      name: 'unprivileged vs privileged',
      body: 'buffer',
      required: 0.5,
      unit: 'msg/s',
      ours: { ...small('buffer'), user: NOBODY },
      theirs: small('buffer'),
    },
  ];
}

/** Names of all cases, each once. */
export const messagingCases: readonly string[] = [
  ...new Set(comparisons('').map(({ name }) => name)),
];

/** Runs the benchmark, in a guest where the host has no SCTP, and prints the report. */
export async function benchMessaging(options: MessagingBenchOptions): Promise<void> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const rawProgram = compileRaw(root, 'sctp_flood');
  await enterLab();
  const restore = setBufferLimits();
  const lab = await createLab({ hosts: 2, planes: ['a'] });
  try {
    const cases: (Case & { readonly body: string })[] = [];
    for (const comparison of comparisons(rawProgram)) {
      if (!comparison.name.includes(options.only)) continue;
      progress(`bodies: ${comparison.body}`);
      cases.push({ ...(await runPairs(lab, comparison, options)), body: comparison.body });
    }
    const { pairs, warmupMs, measureMs } = options;
    finish(
      { command: 'bench', violations: missed(cases), cases, pairs, warmupMs, measureMs },
      { json: options.json, text: () => caseTable(cases) },
    );
  } finally {
    await lab.close();
    restore();
  }
}

async function runPairs(
  lab: Lab,
  { name, required, unit, ours, theirs }: Comparison,
  options: MessagingBenchOptions,
): Promise<Case> {
  const run = async ({ program, size, user = 0, options: more = [] }: Side): Promise<number> => {
    const { figure } = await runFlood(lab, { ...options, program, size, user, options: more });
    return round(unit === 'B/s' ? figure * size : figure);
  };
  return comparePairs(
    { name, size: ours.size, unit, required, better: unit === 'ms' ? 'smaller' : 'greater' },
    options.pairs,
    { ours: () => run(ours), theirs: () => run(theirs) },
  );
}

/** Rates to the message, times to the microsecond. */
function round(figure: number): number {
  return figure < 1000 ? Math.round(figure * 1000) / 1000 : Math.round(figure);
}
