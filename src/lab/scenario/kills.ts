/** One pair of nodes whose association is killed again and again, with messages under way. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import type { DownReason } from '../../node/events.js';
import { systemRuntime } from '../../runtime/index.js';
import { createLab, type Lab } from '../network/lab.js';
import { endOf, RECEIVER, writeKeyFile } from './ends.js';
import type { KillCommand, KillEvent, KillReport, KillSetup } from './kill-protocol.js';
import { compareKills, type KillLedger, ledgerViolations } from './kill-verdict.js';
import { PATIENCE_MS, Party } from './party.js';
import type { Role } from './protocol.js';

/**
 * - `receiver-abort`, `sender-abort`: that node's association is aborted under its link.
 * - `kill`: SIGKILL of the receiving process, and another one is started.
 * - `restart`: the same while both planes are cut, and the next process takes the association's
 *   place: to the sender's kernel the peer has restarted without an end (RFC 9260, 5.2.4).
 * - `outage`: both planes are cut until the sender gives the link up.
 */
export type KillKind = 'receiver-abort' | 'sender-abort' | 'kill' | 'restart' | 'outage';

const KINDS: readonly KillKind[] = ['receiver-abort', 'kill', 'outage', 'sender-abort', 'restart'];

export const KILLS_PROFILE = 'lan';
const PORT = 7500;
const OUTSTANDING_MIN = 100;
const POLL_MS = 10;
/** Every other round, more is sent right before than the kernel takes, and some of it leaves. */
const SURGE_MS = 40;
const ESTABLISHED = '3';

export interface KillsOptions {
  readonly count: number;
  /** Called after each cycle. */
  progress(line: string): void;
}

/** How one cycle went. */
export interface KillCycle {
  readonly kind: KillKind;
  readonly reason: DownReason;
  readonly outstanding: number;
}

export interface KillsResult extends KillLedger {
  readonly cycles: readonly KillCycle[];
  readonly violations: readonly string[];
}

type KillParty = Party<KillCommand, KillReport>;
type EventOf<K extends KillEvent['kind']> = Extract<KillEvent, { kind: K }>;

class Kills {
  readonly #options: KillsOptions;
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #cycles: KillCycle[] = [];
  readonly #violations: string[] = [];
  readonly #events: KillEvent[] = [];
  #wake: () => void = () => {};
  #sender!: KillParty;
  #receiver!: KillParty;
  /** Started already, since that takes a second; it becomes the receiver when that is killed. */
  #standby!: KillParty;

  constructor(options: KillsOptions, lab: Lab, folder: string) {
    this.#options = options;
    this.#lab = lab;
    this.#folder = folder;
    writeKeyFile(this.#file('cluster.key'));
  }

  async run(): Promise<KillsResult> {
    this.#sender = this.#party('sender');
    this.#receiver = this.#party('receiver');
    this.#standby = this.#party('receiver');
    await this.#receiver.report('ready');
    this.#receiver.command({ type: 'start' });
    await this.#sender.report('ready');
    this.#sender.command({ type: 'start' });
    for (let i = 0; i < this.#options.count; i++) {
      await this.#cycle(KINDS[i % KINDS.length]!, Math.floor(i / KINDS.length) % 2 === 1);
    }
    await this.#next('flowing');
    this.#sender.command({ type: 'stop' });
    await this.#sender.report('settled');
    this.#sender.command({ type: 'finish' });
    const { repeated } = await this.#sender.report('finished');
    this.#receiver.command({ type: 'finish' });
    await this.#receiver.report('finished');
    await this.#standby.kill();
    if (repeated > 0) this.#violations.push(`outcomes beyond a message's first: ${repeated}`);
    const ledger = compareKills(
      readFileSync(this.#file('outcomes')),
      readFileSync(this.#file('handled')),
    );
    const violations = [...ledgerViolations(ledger), ...this.#violations];
    return { ...ledger, cycles: this.#cycles, violations };
  }

  async #cycle(kind: KillKind, surge: boolean): Promise<void> {
    const { link } = await this.#next('flowing');
    this.#events.length = 0;
    if (kind === 'kill' || kind === 'restart') await this.#standby.report('ready');
    if (surge) {
      this.#sender.command({ type: 'surge' });
      await sleep(SURGE_MS);
    }
    await this.#kill(kind);
    const down = await this.#next('down');
    this.#lab.heal();
    const { reason, outstanding, overdrawnStreams } = down;
    this.#cycles.push({ kind, reason, outstanding });
    const which = `cycle ${this.#cycles.length} (${kind})`;
    if (down.link !== link) this.#violations.push(`${which}: another link ended in between`);
    if (outstanding < OUTSTANDING_MIN) {
      const least = `not at least ${OUTSTANDING_MIN}`;
      this.#violations.push(`${which}: ${outstanding} messages outstanding, ${least}`);
    }
    if (overdrawnStreams > 0) {
      const what = 'messages were reported unknown that the kernel never took';
      this.#violations.push(`${which}: on ${overdrawnStreams} streams ${what}`);
    }
    this.#options.progress(
      `${this.#cycles.length}/${this.#options.count}  ${kind}${surge ? ' under a surge' : ''}: ` +
        `nodedown ${reason}, ${outstanding} messages without an outcome until then`,
    );
  }

  async #kill(kind: KillKind): Promise<void> {
    switch (kind) {
      case 'receiver-abort':
        return this.#receiver.command({ type: 'abort' });
      case 'sender-abort':
        return this.#sender.command({ type: 'abort' });
      case 'kill':
        await this.#receiver.kill();
        this.#succeed({ type: 'start' });
        return;
      case 'restart':
        return this.#restart();
      case 'outage':
        return this.#cutAll();
    }
  }

  /** The receiver reads no more, so that its kernel's end is an ABORT, which nobody hears. */
  async #restart(): Promise<void> {
    const { localPort, port } = associationOf(this.#sender.pid);
    this.#receiver.freeze();
    await this.#untilUnread();
    this.#cutAll();
    await this.#receiver.kill();
    // The peer's ports, seen from the receiver.
    const next = this.#standby;
    this.#succeed({ type: 'restart', localPort: port, port: localPort });
    await next.report('taking');
    this.#lab.heal();
  }

  /** Messages are under way all the time, so some come to a receiver that stands still. */
  async #untilUnread(): Promise<void> {
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
      if (associationOf(this.#receiver.pid).unreadBytes > 0) return;
      await sleep(POLL_MS);
    }
    throw new LabError('ERR_LAB', 'nothing arrives at a receiver that stands still');
  }

  #cutAll(): void {
    for (const plane of this.#lab.planes) this.#lab.cut('blackhole', plane, RECEIVER);
  }

  #succeed(command: KillCommand): void {
    this.#receiver = this.#standby;
    this.#receiver.command(command);
    this.#standby = this.#party('receiver');
  }

  /** The next event of a kind from the sender. */
  async #next<K extends KillEvent['kind']>(kind: K): Promise<EventOf<K>> {
    const deadlineMs = systemRuntime.clock.nowMs() + PATIENCE_MS;
    for (;;) {
      const at = this.#events.findIndex((event) => event.kind === kind);
      if (at >= 0) return this.#events.splice(0, at + 1).at(-1) as EventOf<K>;
      const leftMs = deadlineMs - systemRuntime.clock.nowMs();
      if (leftMs <= 0) {
        const seen = `cycle ${this.#cycles.length + 1}`;
        throw new LabError('ERR_LAB', `${seen}: no '${kind}' from the sender in ${PATIENCE_MS} ms`);
      }
      const ended = new AbortController();
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const late = sleep(leftMs, undefined, { signal: ended.signal }).catch(() => {});
      await Promise.race([woken, late, this.#sender.failed, this.#receiver.failed]).finally(() =>
        ended.abort(),
      );
    }
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  #party(role: Role): KillParty {
    const { host, end } = endOf(this.#lab, role);
    const setup: KillSetup = {
      ...end,
      role,
      port: PORT,
      keyFile: this.#file('cluster.key'),
      profile: KILLS_PROFILE,
      outcomesFile: this.#file('outcomes'),
      handledFile: this.#file('handled'),
    };
    const script = fileURLToPath(new URL('./kill-process.js', import.meta.url));
    const child = host.fork(script, [JSON.stringify(setup)]);
    return new Party<KillCommand, KillReport>(role, child, ({ event }) => {
      this.#events.push(event);
      this.#wake();
    });
  }
}

/** An association as the kernel lists it, from its own side. */
interface ListedAssociation {
  readonly unreadBytes: number;
  readonly localPort: number;
  readonly port: number;
}

/**
 * The one association that is up on a process's network.
 * @throws LabError ERR_LAB: there is none.
 */
function associationOf(pid: number): ListedAssociation {
  const lines = readFileSync(`/proc/${pid}/net/sctp/assocs`, 'utf8').trim().split('\n').slice(1);
  const rows = lines.map((line) => line.trim().split(/\s+/));
  // Columns: ASSOC SOCK STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT ...
  const up = rows.filter((row) => row[4] === ESTABLISHED).at(-1);
  if (up === undefined) throw new LabError('ERR_LAB', `no association is up:\n${lines}`);
  return { unreadBytes: Number(up[8]), localPort: Number(up[11]), port: Number(up[12]) };
}

/**
 * Kills the association of two nodes `count` times in a lab of this process, and says what became
 * of every message.
 * @throws LabError ERR_LAB when a process fails to do its part.
 */
export async function runKills(options: KillsOptions): Promise<KillsResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-kills-'));
  const lab = await createLab({ hosts: 2 });
  try {
    return await new Kills(options, lab, folder).run();
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
