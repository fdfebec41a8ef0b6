/** Very many messages of all sizes over planes that lose some, with one that comes and goes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import { systemRuntime } from '../../runtime/index.js';
import { createLab, type Lab } from '../network/lab.js';
import { planCuts } from './cuts.js';
import { endOf, RECEIVER, writeKeyFile } from './ends.js';
import { Party } from './party.js';
import type { NodeEvent, Role } from './protocol.js';
import type { SoakCommand, SoakReport, SoakSetup, SoakTally } from './soak-protocol.js';

export const SOAK_PROFILE = 'lan';
const PORT = 7500;
/** Share of frames lost, by plane, in each direction. */
const LOSS_SHARES: Readonly<Record<string, number>> = { a: 0.02, b: 0.01 };
const FLAPPING_PLANE = 'a';
const FLAP_EVERY_MS = 5000;
const FLAP_HOLD_MS = 1500;
/** As many as there are kinds of cuts. */
const FLAP_KINDS = 11;
/** Memory is compared with that after this share of the messages. */
const EARLY_SHARE = 0.2;
const GROWTH_MAX_SHARE = 0.1;
/** In a shorter run, a fifth of it is not enough to warm up: the pools of buffers still fill. */
const MEMORY_MESSAGES_MIN = 500_000;
const POLL_MS = 50;
const PROGRESS_EVERY_MS = 10_000;
/** No message in this time, and the run is given up. */
const SILENCE_MAX_MS = 30_000;

export interface SoakOptions {
  readonly messages: number;
  progress(line: string): void;
}

/** Resident memory of both processes. */
export type Resident = Readonly<Record<Role, number>>;

export interface SoakResult extends SoakTally {
  readonly lost: number;
  readonly reconnects: number;
  readonly nodedown: number;
  readonly flaps: number;
  /** DATA chunks that the sender's kernel sent again. */
  readonly retransmissions: number;
  readonly residentBytesAt20Percent: Resident;
  readonly residentBytesAtEnd: Resident;
  readonly seconds: number;
}

/** Everything that should be zero and is not, as sentences. */
export function soakViolations(result: SoakResult): string[] {
  const { sent, undelivered, lost, duplicated, reordered, reconnects, nodedown } = result;
  const zero: readonly (readonly [string, number])[] = [
    ['messages lost', lost],
    ['messages duplicated', duplicated],
    ['messages reordered', reordered],
    ['messages not reported delivered', undelivered],
    ['reconnects', reconnects],
    ['nodedown', nodedown],
  ];
  const violations = zero.filter(([, n]) => n !== 0).map(([what, n]) => `${what}: ${n}, not 0`);
  if (sent === 0) violations.unshift('nothing was sent');
  // Planes that lose nothing would prove nothing.
  if (result.retransmissions === 0) violations.push('nothing was sent again: no frame was lost');
  return violations;
}

/** The processes that have grown by more than a tenth since the first fifth of a long run. */
export function memoryViolations(result: SoakResult): string[] {
  const { residentBytesAt20Percent: early, residentBytesAtEnd: end } = result;
  if (result.sent < MEMORY_MESSAGES_MIN) return [];
  return (['sender', 'receiver'] as const)
    .filter((role) => end[role] > early[role] * (1 + GROWTH_MAX_SHARE))
    .map((role) => `${role}: ${end[role]} bytes resident at the end, ${early[role]} at 20 %`);
}

type SoakParty = Party<SoakCommand, SoakReport>;

class Soak {
  readonly #options: SoakOptions;
  readonly #lab: Lab;
  readonly #keyFile: string;
  readonly #nodeups: Record<Role, number> = { sender: 0, receiver: 0 };
  #nodedown = 0;
  #isFinishing = false;
  #flaps = 0;

  constructor(options: SoakOptions, lab: Lab, folder: string) {
    this.#options = options;
    this.#lab = lab;
    this.#keyFile = path.join(folder, 'cluster.key');
    writeKeyFile(this.#keyFile);
  }

  async run(): Promise<SoakResult> {
    const receiver = this.#party('receiver');
    await receiver.report('ready');
    const sender = this.#party('sender');
    await sender.report('ready');
    for (const plane of this.#lab.planes) {
      this.#lab.impair(plane, RECEIVER, { lossShare: LOSS_SHARES[plane] ?? 0 });
    }
    const startMs = systemRuntime.clock.nowMs();
    receiver.command({ type: 'begin' });
    sender.command({ type: 'begin' });
    const stopFlapping = new AbortController();
    const flapping = this.#flap(stopFlapping.signal);
    const early = EARLY_SHARE * this.#options.messages;
    await this.#untilReceived(receiver, early);
    const residentBytesAt20Percent = await this.#resident(sender, receiver);
    await this.#untilReceived(receiver, this.#options.messages);
    await sender.report('settled');
    const seconds = (systemRuntime.clock.nowMs() - startMs) / 1000;
    stopFlapping.abort();
    await flapping;
    const retransmissions = retransmissionsOf(sender.pid);
    const residentBytesAtEnd = await this.#resident(sender, receiver);
    this.#isFinishing = true;
    sender.command({ type: 'finish' });
    const { sent, undelivered } = await sender.report('finished');
    receiver.command({ type: 'finish' });
    const { received, duplicated, reordered, longestGapMs } = await receiver.report('finished');
    return {
      sent,
      received,
      lost: sent - received,
      duplicated,
      reordered,
      undelivered,
      reconnects: Math.max(this.#nodeups.sender, this.#nodeups.receiver) - 1,
      nodedown: this.#nodedown,
      longestGapMs,
      flaps: this.#flaps,
      retransmissions,
      residentBytesAt20Percent,
      residentBytesAtEnd,
      seconds,
    };
  }

  /** Cuts of every kind in turn, from the beginning on; each is healed again, also the last. */
  async #flap(signal: AbortSignal): Promise<void> {
    const kinds = planCuts(FLAP_KINDS);
    const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {});
    while (!signal.aborted) {
      const { fault, host, direction } = kinds[this.#flaps++ % kinds.length]!;
      this.#lab.cut(fault, FLAPPING_PLANE, host, direction);
      await pause(FLAP_HOLD_MS);
      this.#lab.heal();
      await pause(FLAP_EVERY_MS - FLAP_HOLD_MS);
    }
  }

  async #untilReceived(receiver: SoakParty, count: number): Promise<void> {
    const { messages, progress } = this.#options;
    const { clock } = systemRuntime;
    let last = { count: -1, atMs: clock.nowMs() };
    let toldMs = clock.nowMs();
    while (receiver.count < count) {
      await Promise.race([sleep(POLL_MS), receiver.failed]);
      const nowMs = clock.nowMs();
      if (receiver.count > last.count) last = { count: receiver.count, atMs: nowMs };
      if (nowMs - last.atMs > SILENCE_MAX_MS) {
        throw new LabError('ERR_LAB', `nothing came after message ${last.count} of ${messages}`);
      }
      if (nowMs - toldMs < PROGRESS_EVERY_MS) continue;
      toldMs = nowMs;
      progress(`${receiver.count} of ${messages} messages, ${this.#flaps} flaps`);
    }
  }

  async #resident(sender: SoakParty, receiver: SoakParty): Promise<Resident> {
    sender.command({ type: 'measure' });
    receiver.command({ type: 'measure' });
    const [of, at] = await Promise.all([sender.report('resident'), receiver.report('resident')]);
    return { sender: of.bytes, receiver: at.bytes };
  }

  #party(role: Role): SoakParty {
    const { host, end } = endOf(this.#lab, role);
    const setup: SoakSetup = {
      ...end,
      role,
      port: PORT,
      keyFile: this.#keyFile,
      profile: SOAK_PROFILE,
      messages: this.#options.messages,
    };
    const script = fileURLToPath(new URL('./soak-process.js', import.meta.url));
    const argv = [process.execPath, ...process.execArgv, '--expose-gc', script];
    const child = host.spawn([...argv, JSON.stringify(setup)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    return new Party<SoakCommand, SoakReport>(role, child, ({ event }) => this.#note(role, event));
  }

  #note(role: Role, event: NodeEvent): void {
    if (this.#isFinishing) return;
    if (event.kind === 'nodeup') this.#nodeups[role]++;
    if (event.kind === 'nodedown') this.#nodedown++;
  }
}

/** DATA chunks sent again on a process's network, by either rule of RFC 9260, 6.3.3 and 7.2.4. */
function retransmissionsOf(pid: number): number {
  const counters = readFileSync(`/proc/${pid}/net/sctp/snmp`, 'utf8');
  return [...counters.matchAll(/^Sctp(?:T3Retransmits|FastRetransmits)\s+(\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

/**
 * Runs it in a lab of this process.
 * @throws LabError ERR_LAB when a process fails to do its part, or nothing arrives any more.
 */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-soak-'));
  const lab = await createLab({ hosts: 2 });
  try {
    return await new Soak(options, lab, folder).run();
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
