/**
 * `bench moleculer`: requests between two brokers on two hosts of the lab, with this package's
 * transporter and with Moleculer's own over TCP.
 */
import { fileURLToPath } from 'node:url';
import { finish } from '../src/cli/report.js';
import { createLab, enterLab, type Lab } from '../src/lab/index.js';
import { setBufferLimits } from './buffer-limits.js';
import { type Case, caseTable, comparePairs, missed } from './compare.js';
import { runFlood } from './run-flood.js';

/** What `bench moleculer` takes. */
export interface MoleculerBenchOptions {
  readonly json: boolean;
  /** Runs of each side per case, at least 1. */
  readonly pairs: number;
  /** Traffic before a window begins, and the window, in milliseconds. */
  readonly warmupMs: number;
  readonly measureMs: number;
}

const SIZE = 100;
const REQUIRED = 1;
const program = [process.execPath, fileURLToPath(new URL('moleculer-end.js', import.meta.url))];

/** Runs the benchmark, in a guest where the host has no SCTP, and prints the report. */
export async function benchMoleculer(options: MoleculerBenchOptions): Promise<void> {
  await enterLab({ processors: 'any' });
  const restore = setBufferLimits();
  const lab = await createLab({ hosts: 2, planes: ['a'] });
  try {
    const cases: Case[] = [];
    for (const inFlight of [1, 64]) cases.push(await runPairs(lab, inFlight, options));
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
  inFlight: number,
  { pairs, warmupMs, measureMs }: MoleculerBenchOptions,
): Promise<Case> {
  const name = `kernel vs Moleculer TCP, ${inFlight} in flight`;
  const run = async (over: 'link' | 'net'): Promise<number> => {
    const more = ['--over', over, '--in-flight', `${inFlight}`];
    const settings = { program, size: SIZE, user: 0, warmupMs, measureMs, options: more };
    return Math.round((await runFlood(lab, settings)).figure);
  };
  return comparePairs(
    { name, size: SIZE, unit: 'req/s', required: REQUIRED, better: 'greater' },
    pairs,
    { ours: () => run('link'), theirs: () => run('net') },
  );
}
