/** One pair of nodes whose association is killed again and again, with messages under way. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import type { DownReason } from '../../node/events.js';
import { systemRuntime } from '../../runtime/index.js';
import { createLab, type Lab } from '../network/lab.js';
import type { KillCommand, KillEvent, KillReport, KillSetup } from './kill-protocol.js';
import { compareKills, type KillLedger, ledgerViolations } from './kill-verdict.js';
import { PATIENCE_MS, Party } from './party.js';
import type { Role } from './protocol.js';
import { RECEIVER, SENDER } from './session.js';

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
/** What was sent is in the receiver's kernel after this, or on its way. */
const UNREAD_MS = 30;
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
    const key = systemRuntime.random.bytes(32).toString('base64');
    writeFileSync(this.#file('cluster.key'), `${key}\n`, { mode: 0o600 });
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
        await this.#succeed({ type: 'start' });
        return;
      case 'restart':
        return this.#restart();
      case 'outage':
        return this.#cutAll();
    }
  }

  /** The receiver reads no more, so that its kernel's end is an ABORT, which nobody hears. */
  async #restart(): Promise<void> {
    const { localPort, port } = portsOf(this.#sender.pid);
    await this.#standby.report('ready');
    this.#receiver.freeze();
    await sleep(UNREAD_MS);
    this.#cutAll();
    await this.#receiver.kill();
    // The peer's ports, seen from the receiver.
    const next = this.#standby;
    next.command({ type: 'restart', localPort: port, port: localPort });
    await next.report('taking');
    this.#lab.heal();
    this.#receiver = next;
    this.#standby = this.#party('receiver');
  }

  #cutAll(): void {
    for (const plane of this.#lab.planes) this.#lab.cut('blackhole', plane, RECEIVER);
  }

  async #succeed(command: KillCommand): Promise<void> {
    await this.#standby.report('ready');
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
    const [own, other, peer] =
      role === 'sender'
        ? ([SENDER, RECEIVER, 'receiver'] as const)
        : ([RECEIVER, SENDER, 'sender'] as const);
    const host = this.#lab.host(own);
    const far = this.#lab.host(other);
    const setup: KillSetup = {
      role,
      name: `${role}@${host.name}`,
      peer: { name: `${peer}@${far.name}`, addresses: far.addresses },
      planes: this.#lab.cidrs,
      addresses: host.addresses,
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

/**
 * Ports of the one association that is up on a process's network, from its side. The columns of the
 * kernel's list: the sixth is the state, the twelfth and thirteenth are the ports.
 * @throws LabError ERR_LAB: there is none.
 */
function portsOf(pid: number): { readonly localPort: number; readonly port: number } {
  const lines = readFileSync(`/proc/${pid}/net/sctp/assocs`, 'utf8').trim().split('\n').slice(1);
  const up = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , state]) => state === ESTABLISHED);
  const columns = up.at(-1);
  if (columns === undefined) throw new LabError('ERR_LAB', `no association is up:\n${lines}`);
  return { localPort: Number(columns[11]), port: Number(columns[12]) };
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
