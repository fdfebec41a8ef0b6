/**
 * `bench mesh`: what the kernel alone takes for a full mesh, in plain C: to make its associations,
 * to keep them when nobody sends, and when every end sends a small message now and then as links
 * do. What is left of a processor beside that is all there is for a node.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { finish, progress, table } from '../src/cli/report.js';
import { createLab, enterLab, type Lab } from '../src/lab/index.js';
import { processorTicks, traffic } from '../src/lab/scenario/usage.js';
import type { ChildProcess } from '../src/runtime/child-process.js';
import { profiles } from '../src/timing/profiles.js';
import { compileRaw } from './raw.js';

/** What `bench mesh` takes. */
export interface MeshBenchOptions {
  readonly json: boolean;
  readonly nodes: number;
  /** Before a window. */
  readonly warmupMs: number;
  /** Length of a window. */
  readonly measureMs: number;
}

const HOSTS = 8;
const PORT = 7500;

/** One host's program. */
class Side {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  async hear(word: string): Promise<void> {
    const { value, done } = await this.#lines.next();
    if (done === true || JSON.parse(value)[word] !== true) throw new Error(`no ${word}: ${value}`);
  }
}

function start(lab: Lab, program: string, nodes: number): Side[] {
  const addresses = lab.hosts.flatMap((host) => host.addresses);
  const numbers = { hosts: HOSTS, nodes: nodes / HOSTS, port: PORT };
  return lab.hosts.map((host) => {
    const options = Object.entries({ host: host.number - 1, ...numbers });
    const words = options.flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const child = host.spawn([program, ...words, ...addresses], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new Side(child);
  });
}

/** Share of the processor's time, and packets a second, over one window. */
async function use(what: string, sides: readonly Side[], options: MeshBenchOptions) {
  const { warmupMs, measureMs } = options;
  await sleep(warmupMs);
  progress(`${what}:`);
  const look = () => ({
    ticks: processorTicks(),
    packets: sides.reduce((sum, { pid }) => sum + traffic(pid).packets, 0),
    atMs: performance.now(),
  });
  const from = look();
  await sleep(measureMs);
  const to = look();
  const result = {
    busyShare: (to.ticks.busy - from.ticks.busy) / (to.ticks.all - from.ticks.all),
    packetsPerSecond: (1000 * (to.packets - from.packets)) / (to.atMs - from.atMs),
  };
  progress(`  ${result.packetsPerSecond.toFixed(0)} packets a second`);
  return result;
}

/** Runs it, in a guest where the host has no SCTP, and prints the report. */
export async function benchMesh(options: MeshBenchOptions): Promise<void> {
  const { nodes, json } = options;
  if (nodes % HOSTS !== 0) throw new Error(`nodes must be a multiple of ${HOSTS}`);
  // Before the guest, which cannot write.
  const program = compileRaw(fileURLToPath(new URL('../..', import.meta.url)), 'sctp_mesh');
  await enterLab();
  const lab = await createLab({ hosts: HOSTS });
  try {
    const sides = start(lab, program, nodes);
    const all = (word: string) => Promise.all(sides.map((side) => side.hear(word)));
    await all('ready');
    const startMs = performance.now();
    for (const side of sides) side.tell('join');
    await all('joined');
    const joinedMs = performance.now() - startMs;
    progress(`joined after ${joinedMs.toFixed(0)} ms`);
    const idle = await use('nobody sends', sides, options);
    for (const side of sides) side.tell(`beat ${profiles.mesh.beatMs}`);
    await all('beating');
    const beating = await use('every end sends', sides, options);
    for (const side of sides) side.tell('stop');
    const figures = {
      nodes,
      associations: (nodes * (nodes - 1)) / 2,
      joinedMs,
      idleBusyShare: idle.busyShare,
      idlePacketsPerSecond: idle.packetsPerSecond,
      beatingBusyShare: beating.busyShare,
      beatingPacketsPerSecond: beating.packetsPerSecond,
    };
    const rows = Object.entries(figures).map(([name, value]) => [name, value.toFixed(2)]);
    finish(
      { command: 'bench', violations: [], profile: 'mesh', ...figures },
      { json, text: () => table(['mesh in C', ''], rows) },
    );
  } finally {
    await lab.close();
  }
}
