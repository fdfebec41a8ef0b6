/** Two controllers of one host that start at the same time, again and again. */
import { fileURLToPath } from 'node:url';
import { spawn } from '../../runtime/child-process.js';
import { Party } from './party.js';
import { START_PATIENCE_MS } from './supervision-cast.js';
import type { ClaimReport } from './supervision-protocol.js';

/** What became of the pairs. */
export interface ControllerPairs {
  readonly count: number;
  /** Pairs of which one became the controller, and the other one did not. */
  readonly oneRuns: number;
  /** Pairs whose other one was told which process the first is. */
  readonly refusedWithPid: number;
}

type Claimant = Party<never, ClaimReport>;

const script = fileURLToPath(new URL('./supervision-claim-process.js', import.meta.url));

function start(name: string): Claimant {
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  const child = spawn(process.execPath, [script, name], { stdio: [...stdio] });
  return new Party<never, ClaimReport>('a controller that starts', child, () => {});
}

/** Runs so many pairs; each ends by SIGKILL, and the next finds the name free at once. */
export async function pairControllers(count: number): Promise<ControllerPairs> {
  const name = `backplane-supervision-${process.pid}`;
  let oneRuns = 0;
  let refusedWithPid = 0;
  for (let i = 0; i < count; i++) {
    const pair = [start(name), start(name)];
    try {
      const told = await Promise.all(
        pair.map((party) => party.report('claimed', START_PATIENCE_MS)),
      );
      const others = told.map(({ otherPid }) => otherPid);
      const first = others.indexOf(null);
      if (first < 0 || others.lastIndexOf(null) !== first) continue;
      oneRuns++;
      if (others[1 - first] === pair[first]?.pid) refusedWithPid++;
    } finally {
      await Promise.all(pair.map((party) => party.kill()));
    }
  }
  return { count, oneRuns, refusedWithPid };
}
