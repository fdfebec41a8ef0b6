/**
 * What it costs to have a task done by another process on the same host, beside what piscina takes
 * to have it done by a thread: tasks that do nothing, one after the other and many at a time.
 */
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../network/lab.js';
import {
  OVERHEAD_WIDTH,
  type OverheadCommand,
  type OverheadReport,
  type OverheadSetup,
  type OverheadSide,
} from './dispatch-overhead-protocol.js';
import { writeKeyFile } from './ends.js';
import { Party } from './party.js';

const FIRST_PORT = 7400;
const WITHIN_MS = 120_000;
/** How many tasks at a time, and which share of the tasks that a run may have. */
const SHAPES = [
  { name: 'one after the other', share: 0.1, width: 1 },
  { name: `${OVERHEAD_WIDTH} at a time`, share: 1, width: OVERHEAD_WIDTH },
] as const;

/** How much is measured. */
export interface OverheadOptions {
  /** Runs of each side that count. */
  readonly pairs: number;
  /** Tasks of a run. */
  readonly pairTasks: number;
  progress(line: string): void;
}

/** Ours and theirs from interleaved runs; `ratio` over 1: ours takes less. */
export interface OverheadCase {
  readonly name: string;
  readonly unit: 'us per task';
  readonly ours: readonly number[];
  /** Empty where piscina is not installed. */
  readonly theirs: readonly number[];
  readonly ratio: number | null;
  readonly required: 0;
  readonly ok: true;
}

type OverheadParty = Party<OverheadCommand, OverheadReport>;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** @throws LabError ERR_LAB when a process fails to do its part. */
export async function measureOverhead(
  lab: Lab,
  folder: string,
  { pairs, pairTasks, progress }: OverheadOptions,
): Promise<readonly OverheadCase[]> {
  const host = lab.host(1);
  const keyFile = path.join(folder, 'overhead.key');
  writeKeyFile(keyFile);
  const fork = (role: OverheadSetup['role'], port: number): OverheadParty => {
    const name = `${role}@${host.name}`;
    const setup: OverheadSetup = { role, name, planes: lab.cidrs, port, keyFile };
    const script = fileURLToPath(new URL('./dispatch-overhead-process.js', import.meta.url));
    return new Party(name, host.fork(script, [JSON.stringify(setup)]), () => {});
  };
  const worker = fork('worker', FIRST_PORT + 1);
  const submitter = fork('submitter', FIRST_PORT);
  await Promise.all([worker, submitter].map((party) => party.report('ready', WITHIN_MS)));
  const { addresses } = host;
  const name = `worker@${host.name}`;
  submitter.command({ type: 'connect', name, addresses, port: FIRST_PORT + 1 });
  const { hasPiscina } = await submitter.report('linked', WITHIN_MS);
  const measure = async (side: OverheadSide, count: number, width: number) => {
    submitter.command({ type: 'measure', side, count, width });
    return (await submitter.report('measured', WITHIN_MS)).usPerTask;
  };
  const cases: OverheadCase[] = [];
  for (const { name: shape, share, width } of SHAPES) {
    const count = Math.ceil(pairTasks * share);
    const [ours, theirs]: [number[], number[]] = [[], []];
    // The first pair warms both up.
    for (let pair = 0; pair <= pairs; pair++) {
      const own = await measure('ours', count, width);
      const other = hasPiscina ? await measure('piscina', count, width) : null;
      if (pair === 0) continue;
      ours.push(own);
      if (other !== null) theirs.push(other);
    }
    const ratios = ours.flatMap((own, at) => (theirs[at] === undefined ? [] : theirs[at] / own));
    const ratio = hasPiscina ? Math.round(median(ratios) * 1000) / 1000 : null;
    const title = `kernel vs piscina, ${shape}`;
    cases.push({ name: title, unit: 'us per task', ours, theirs, ratio, required: 0, ok: true });
    const their = hasPiscina ? `${median(theirs).toFixed(0)} us of piscina` : 'no piscina here';
    progress(`${shape}: ${median(ours).toFixed(0)} us a task, ${their}`);
  }
  for (const party of [submitter, worker]) {
    party.command({ type: 'finish' });
    await party.ended();
  }
  return cases;
}
