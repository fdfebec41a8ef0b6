/**
 * Planes that come and go under a link that is up: one is taken from both ends and added again,
 * over and over, with traffic on it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../../errors.js';
import { createLab, type Lab } from '../network/lab.js';
import type { NodeEvent, Role } from './protocol.js';
import { TrafficSession } from './session.js';
import type { Verdict } from './verdict.js';

const SIDES = ['sender', 'receiver'] as const;
const PLANES = ['a', 'b'] as const;
const MESSAGES_PER_SECOND = 1000;
const BODY_BYTES = 64;
const REPLY_EVERY = 10;
/** Traffic runs for so long with one plane, and with both again. */
const CALM_MS = 100;
/** What a change causes at the other end must be seen there within this time. */
const SEEN_MS = 8000;
const POLL_MS = 5;
const SETTLE_MS = 5000;

/** What lets the kernel change the addresses of living associations, in the lab's hosts alone. */
export const LIVE_SYSCTLS = {
  'net/sctp/addip_enable': '1',
  'net/sctp/addip_noauth_enable': '1',
} as const;

export interface PlanesOptions {
  /** How often a plane is taken away and added again. */
  readonly count: number;
  /** False leaves the hosts' sysctls as they are: then no link can follow. */
  readonly live: boolean;
  /** Folder for the recordings. */
  readonly folder: string;
  progress(line: string): void;
}

/** What one end saw and did. */
export interface PlanesEnd {
  /** Planes of the peer that came and went on the link that was up. */
  readonly added: number;
  readonly removed: number;
  /** Changes that the link could not follow: as the calls said, and as events told. */
  readonly deferred: number;
  readonly deferredTold: number;
  /** Redundancy as it was at the end. */
  readonly isRedundant: boolean;
}

export interface PlanesResult extends Verdict {
  readonly rounds: number;
  readonly sender: PlanesEnd;
  readonly receiver: PlanesEnd;
}

type Counts = { -readonly [K in keyof PlanesEnd]: PlanesEnd[K] };

const fresh = (): Counts => {
  return { added: 0, removed: 0, deferred: 0, deferredTold: 0, isRedundant: true };
};

class Planes {
  readonly #ends: Record<Role, Counts> = { sender: fresh(), receiver: fresh() };
  /** Planes on which each end has an active path. */
  readonly #active = { sender: new Set<string>(PLANES), receiver: new Set<string>(PLANES) };

  constructor(
    readonly options: PlanesOptions,
    readonly lab: Lab,
  ) {}

  async run(): Promise<PlanesResult> {
    const { count, folder, live, progress } = this.options;
    const perRoundMs = 2 * (CALM_MS + SEEN_MS);
    const session = await TrafficSession.start({
      lab: this.lab,
      folder,
      profile: 'lan',
      tcp: false,
      maxMessages: Math.ceil(((count * perRoundMs + 60_000) * MESSAGES_PER_SECOND) / 1000),
      onEvent: (side, event) => this.#onEvent(side, event),
    });
    session.begin({
      messagesPerSecond: MESSAGES_PER_SECOND,
      durationMs: Number.MAX_SAFE_INTEGER,
      bodyBytes: BODY_BYTES,
      replyEvery: REPLY_EVERY,
    });
    let rounds = 0;
    while (rounds < count) {
      // Traffic went to the other plane the last time: now that one goes.
      await this.#round(session, PLANES[rounds % 2]!, live);
      rounds += 1;
      if (rounds % 10 === 0 || rounds === count) progress(`${rounds}/${count} times`);
    }
    session.stop();
    await session.settle(0, SETTLE_MS);
    const { sctp, replies, reconnects, nodedown } = await session.finish();
    return { rounds, ...this.#ends, sctp, replies, reconnects, nodedown };
  }

  async #round(session: TrafficSession, plane: string, live: boolean): Promise<void> {
    await sleep(CALM_MS);
    await this.#change(session, 'remove', plane);
    if (live) await this.#until(plane, false);
    await sleep(CALM_MS);
    await this.#change(session, 'add', plane);
    if (live) await this.#until(plane, true);
  }

  async #change(session: TrafficSession, change: 'add' | 'remove', plane: string): Promise<void> {
    await Promise.all(
      SIDES.map(async (side) => {
        const { deferred } = await session.changePlane(side, change, plane);
        this.#ends[side].deferred += deferred.length;
      }),
    );
  }

  async #until(plane: string, isThere: boolean): Promise<void> {
    for (let waitedMs = 0; waitedMs <= SEEN_MS; waitedMs += POLL_MS) {
      if (SIDES.every((side) => this.#active[side].has(plane) === isThere)) return;
      await sleep(POLL_MS);
    }
    const what = isThere ? 'back' : 'gone';
    throw new LabError('ERR_LAB', `plane ${plane} is not ${what} at both ends after ${SEEN_MS} ms`);
  }

  #onEvent(side: Role, event: NodeEvent): void {
    const end = this.#ends[side];
    if (event.kind === 'redundancy') end.isRedundant = event.state === 'restored';
    if (event.kind === 'planeDeferred') end.deferredTold += 1;
    if (event.kind !== 'path') return;
    const active = this.#active[side];
    switch (event.change) {
      case 'added':
        end.added += 1;
        break;
      case 'removed':
        end.removed += 1;
        active.delete(event.plane);
        break;
      case 'confirmed':
      case 'available':
        active.add(event.plane);
        break;
    }
  }
}

/**
 * Runs it in a lab of this process.
 * @throws LabError ERR_LAB when a node fails to do its part, or a plane does not come or go.
 */
export async function runPlanes(options: PlanesOptions): Promise<PlanesResult> {
  const sysctls = options.live ? LIVE_SYSCTLS : {};
  const lab = await createLab({ hosts: 2, planes: PLANES, sysctls });
  try {
    return await new Planes(options, lab).run();
  } finally {
    await lab.close();
  }
}

/** What is promised of planes beside the traffic, and does not hold, as sentences. */
export function planesViolations(result: PlanesResult, live: boolean): string[] {
  const { rounds } = result;
  const found: string[] = [];
  for (const side of SIDES) {
    const { added, removed, deferred, deferredTold, isRedundant } = result[side];
    // A link that kept a plane has it already when it is added again.
    const expected = live ? { seen: rounds, deferred: 0 } : { seen: 0, deferred: rounds };
    const say = (what: string, is: number, wanted: number) => {
      if (is !== wanted) found.push(`${side}: ${what} ${is}, not ${wanted}`);
    };
    say('planes of the peer added', added, expected.seen);
    say('planes of the peer removed', removed, expected.seen);
    say('changes that had to wait', deferred, expected.deferred);
    say('changes that had to wait, and were told', deferredTold, expected.deferred);
    if (!isRedundant) found.push(`${side}: redundancy is lost at the end`);
  }
  return found;
}
