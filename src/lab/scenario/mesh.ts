/**
 * Many nodes, each linked with all others over two planes: how long they take to come together,
 * what an idle mesh costs, and whether it outlives the outage of one plane, host by host.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import { createLab, type Lab } from '../network/lab.js';
import { writeKeyFile } from './ends.js';
import type { MeshCommand, MeshNode, MeshReport, MeshSetup } from './mesh-protocol.js';
import { Party } from './party.js';
import { kernelBytes, processorTicks, traffic } from './usage.js';

export const MESH_PROFILE = 'mesh';

const FIRST_PORT = 7500;
const CUT_PLANE = 'a';
/** The whole mesh is linked by then, or the scenario gives up. */
const JOIN_WITHIN_MS = 120_000;
/** After joining, so that no path is still to be confirmed when the idle mesh is measured. */
const SETTLE_MS = 5000;
/** Each node sends so often while planes are cut. */
const SEND_EVERY_MS = 500;
/** Longer than an idle path takes to be found dead, so that every link of the host has to move. */
const HOLD_MS = 6000;
const RECOVERY_MS = 20_000;
const POLL_MS = 250;
/** Processes share one processor: a report may take its time. */
const REPORT_MS = 60_000;

export interface MeshOptions {
  /** Nodes in all, the same number on each host. */
  readonly nodes: number;
  readonly hosts: number;
  /** How long the idle mesh is measured. */
  readonly idleMs: number;
  progress(line: string): void;
}

/** What the mesh did. Milliseconds, bytes. */
export interface MeshResult {
  readonly nodes: number;
  readonly links: number;
  /** From the word to join to the last link that came up at its second end. */
  readonly joinedMs: number;
  /** Handshakes that were given up for want of room, or otherwise. */
  readonly refused: number;
  readonly nodedown: number;
  readonly sent: number;
  readonly lost: number;
  /** SCTP packets of the idle mesh, each counted where it is sent. */
  readonly packetsPerSecond: number;
  /** Bytes of frames the same, those within a host too. */
  readonly bytesPerSecond: number;
  /** Share of the processor's time that the idle mesh takes, all processes and the kernel. */
  readonly busyShare: number;
  /** Kernel and processes, both ends. */
  readonly bytesPerIdleLink: number;
  readonly kernelBytesPerIdleLink: number;
  readonly processBytesPerIdleLink: number;
  readonly heapBytesPerIdleLink: number;
}

type MeshParty = Party<MeshCommand, MeshReport>;

/** Memory in use at one moment. */
interface Memory {
  readonly kernelBytes: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
}

class Mesh {
  readonly #options: MeshOptions;
  readonly #lab: Lab;
  readonly #all: readonly MeshNode[];
  readonly #keyFile: string;
  #parties: readonly MeshParty[] = [];
  #nodedown = 0;

  constructor(options: MeshOptions, lab: Lab, folder: string) {
    this.#options = options;
    this.#lab = lab;
    const perHost = options.nodes / options.hosts;
    this.#all = lab.hosts.flatMap(({ name, addresses }) =>
      Array.from({ length: perHost }, (_, i) => ({
        name: `n${i + 1}@${name}`,
        addresses,
        port: FIRST_PORT + i,
      })),
    );
    this.#keyFile = path.join(folder, 'cluster.key');
    writeKeyFile(this.#keyFile);
  }

  get #links(): number {
    return (this.#all.length * (this.#all.length - 1)) / 2;
  }

  async run(): Promise<MeshResult> {
    this.#parties = this.#lab.hosts.map((host) => this.#party(host.number));
    await this.#reports('ready');
    const before = await this.#memory();
    const { joinedMs, refused } = await this.#join();
    this.#options.progress(`${this.#links} links after ${joinedMs.toFixed(0)} ms`);
    await sleep(SETTLE_MS);
    await this.#untilRedundant();
    const after = await this.#memory();
    const rates = await this.#idle();
    this.#options.progress(
      `idle: ${Math.round(rates.packetsPerSecond)} packets a second, processor ` +
        `${Math.round(100 * rates.busyShare)} % busy`,
    );
    const { sent, delivered } = await this.#outages();
    this.#tell({ type: 'finish' });
    await this.#reports('finished');
    const each = (what: keyof Memory) => (after[what] - before[what]) / this.#links;
    const kernel = each('kernelBytes');
    const programs = each('residentBytes');
    return {
      nodes: this.#all.length,
      links: this.#links,
      joinedMs,
      refused,
      nodedown: this.#nodedown,
      sent,
      lost: sent - delivered,
      ...rates,
      bytesPerIdleLink: kernel + programs,
      kernelBytesPerIdleLink: kernel,
      processBytesPerIdleLink: programs,
      heapBytesPerIdleLink: each('heapBytes'),
    };
  }

  async #join(): Promise<{ readonly joinedMs: number; readonly refused: number }> {
    const startNs = process.hrtime.bigint();
    this.#tell({ type: 'join' });
    const joined = await this.#reports('joined', JOIN_WITHIN_MS);
    const lastMs = Math.max(...joined.map(({ atNs }) => Number(BigInt(atNs) - startNs) / 1e6));
    return { joinedMs: lastMs, refused: joined.reduce((sum, each) => sum + each.refused, 0) };
  }

  async #memory(): Promise<Memory> {
    this.#tell({ type: 'memory' });
    const reports = await this.#reports('memory');
    const sum = (what: 'residentBytes' | 'heapBytes') =>
      reports.reduce((total, each) => total + each[what], 0);
    const [residentBytes, heapBytes] = [sum('residentBytes'), sum('heapBytes')];
    return { kernelBytes: kernelBytes(), residentBytes, heapBytes };
  }

  /** What an idle mesh sends. */
  async #idle(): Promise<Pick<MeshResult, 'packetsPerSecond' | 'bytesPerSecond' | 'busyShare'>> {
    const look = () => {
      const all = this.#parties.map(({ pid }) => traffic(pid));
      const sum = (what: 'packets' | 'bytes') => all.reduce((total, each) => total + each[what], 0);
      const ticks = processorTicks();
      return { packets: sum('packets'), bytes: sum('bytes'), ticks, atMs: performance.now() };
    };
    const from = look();
    await sleep(this.#options.idleMs);
    const to = look();
    const seconds = (to.atMs - from.atMs) / 1000;
    return {
      packetsPerSecond: (to.packets - from.packets) / seconds,
      bytesPerSecond: (to.bytes - from.bytes) / seconds,
      busyShare: (to.ticks.busy - from.ticks.busy) / (to.ticks.all - from.ticks.all),
    };
  }

  /** One plane fails at one host after the other, under traffic. */
  async #outages(): Promise<{ readonly sent: number; readonly delivered: number }> {
    this.#tell({ type: 'send', everyMs: SEND_EVERY_MS });
    for (const { number, name } of this.#lab.hosts) {
      this.#lab.cut('link-down', CUT_PLANE, number);
      await sleep(HOLD_MS);
      this.#lab.heal();
      const backMs = await this.#untilRedundant();
      this.#options.progress(`plane ${CUT_PLANE} of ${name}: all paths again after ${backMs} ms`);
    }
    this.#tell({ type: 'stop' });
    const all = await this.#reports('sent');
    const sum = (what: 'sent' | 'delivered') => all.reduce((total, each) => total + each[what], 0);
    return { sent: sum('sent'), delivered: sum('delivered') };
  }

  async #untilRedundant(): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      this.#tell({ type: 'links' });
      const reports = await this.#reports('links');
      const redundant = reports.reduce((sum, each) => sum + each.redundant, 0);
      const waitedMs = Math.round(performance.now() - startMs);
      if (redundant === 2 * this.#links) return waitedMs;
      if (waitedMs > RECOVERY_MS) {
        const ends = `${redundant} of ${2 * this.#links} ends`;
        throw new LabError('ERR_LAB', `${ends} have all their paths ${waitedMs} ms after healing`);
      }
      await sleep(POLL_MS);
    }
  }

  #tell(command: MeshCommand): void {
    for (const party of this.#parties) party.command(command);
  }

  #reports<T extends MeshReport['type']>(type: T, withinMs = REPORT_MS) {
    return Promise.all(this.#parties.map((party) => party.report(type, withinMs)));
  }

  #party(number: number): MeshParty {
    const host = this.#lab.host(number);
    const setup: MeshSetup = {
      own: this.#all.filter(({ name }) => name.endsWith(`@${host.name}`)),
      all: this.#all,
      planes: this.#lab.cidrs,
      keyFile: this.#keyFile,
      profile: MESH_PROFILE,
    };
    const script = fileURLToPath(new URL('./mesh-process.js', import.meta.url));
    const child = host.fork(script, [JSON.stringify(setup)]);
    return new Party<MeshCommand, MeshReport>(host.name, child, ({ node, peer, reason }) => {
      this.#nodedown++;
      this.#options.progress(`${node}: nodedown ${peer} ${reason}`);
    });
  }
}

/**
 * Runs a mesh in a lab of this process.
 * @throws LabError ERR_LAB when a process fails to do its part, the mesh does not come together, or
 *   a healed plane does not come back; ERR_ARGUMENT: not the same number of nodes on each host.
 */
export async function runMesh(options: MeshOptions): Promise<MeshResult> {
  const { nodes, hosts } = options;
  if (!Number.isInteger(nodes / hosts) || nodes < hosts) {
    throw new LabError('ERR_ARGUMENT', `nodes must be a multiple of ${hosts}, not ${nodes}`);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-mesh-'));
  const lab = await createLab({ hosts });
  try {
    return await new Mesh(options, lab, folder).run();
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of 64 nodes, in the guest with one processor. */
const JOIN_LIMIT_MS = 30_000;

/** What a mesh must show, as sentences about what it did not. */
export function meshViolations({ joinedMs, nodedown, lost, sent }: MeshResult): string[] {
  const text: string[] = [];
  if (joinedMs > JOIN_LIMIT_MS) {
    text.push(`joined after ${joinedMs.toFixed(0)} ms, not within ${JOIN_LIMIT_MS} ms`);
  }
  if (nodedown > 0) text.push(`nodedown: ${nodedown}, not 0`);
  if (lost > 0) text.push(`messages lost: ${lost}, not 0`);
  if (sent === 0) text.push('nothing was sent');
  return text;
}
