/**
 * Whose log a node follows: the whole of recovery, as one decision that is made again after every
 * event. It rests on hellos and on the newest record in the own log, and on nothing remembered.
 *
 * - The *guide* is the newest epoch record among the own one and those of peers that are kin: of
 *   the same lineage, or of one that comes from ours by force.
 * - Masters of the guide follow its first, the sequencer. The sequencer follows the master whose
 *   log is longest, while that is longer than its own: forward, never back. Then it follows nobody,
 *   and leads.
 * - All others follow any master of the guide, or a peer that has its lineage.
 *
 * A client follows the node it was told to read from, whatever that is.
 *
 * A lineage that is neither ours nor comes from ours is followed by nobody.
 */
import type { Core } from './core.js';
import { type EpochRecord, forkFrom } from './epoch-record.js';
import type { Intake } from './intake.js';
import { isMasterOf, type MetPeer, type Sessions } from './sessions.js';

/** What besides the hellos decides. */
export interface Orders {
  /** The master that has begun a force, which may be this one; null: none has. */
  readonly forcer: string | null;
  /** Who wants this node as a master; null: nobody. */
  readonly inviter: string | null;
}

/** Whose log is to be followed; null: nobody's. */
export function chooseSource(
  core: Core,
  sessions: Sessions,
  intake: Intake,
  orders: Orders,
): string | null {
  const guide = guideOf(core, sessions, orders);
  if (guide === null) return null;
  const peers = heeded(core, sessions).filter(({ name, hello }) => {
    return hello.record?.lineage === guide.lineage && !intake.ended.has(name);
  });
  const { forcer, inviter } = orders;
  if (forcer !== null) {
    if (forcer === core.name) return longest(core, guide, peers);
    return peers.some(({ name }) => name === forcer) ? forcer : null;
  }
  if (inviter !== null && peers.some(({ name }) => name === inviter)) return inviter;
  const first = guide.masters[0]?.name;
  const sequencer = peers.find((peer) => peer.name === first && isMasterOf(guide, peer));
  if (core.isMasterOf(guide)) {
    return first === core.name ? longest(core, guide, peers) : (sequencer?.name ?? null);
  }
  // It is to be no master any more, but that asks for its acknowledgement, too.
  const agreed = core.log.recordAt(core.log.committed);
  const isLeaving = agreed?.lineage === guide.lineage && core.isMasterOf(agreed);
  if (isLeaving && sequencer !== undefined) return sequencer.name;
  return anyOf(core, guide, peers, intake.source);
}

/**
 * Those that can be followed. Clients have what they were given; a client itself reads where it was
 * told to, and nowhere else.
 */
function heeded({ isClient, setup }: Core, sessions: Sessions): MetPeer[] {
  return [...sessions.all()].filter(({ name, hello }) => {
    return !hello.isClient && (!isClient || setup.masters.includes(name));
  });
}

/** The newest record of the own lineage, or of one that comes from it; null: none is known. */
export function guideOf(core: Core, sessions: Sessions, orders: Orders): EpochRecord | null {
  let guide = core.log.record;
  for (const peer of heeded(core, sessions)) {
    const { record } = peer.hello;
    if (record === null) continue;
    if (guide === null) {
      if (isFirstRecord(core, orders, peer.name, record)) guide = record;
    } else if (isNewer(guide, record)) {
      guide = record;
    }
  }
  return guide;
}

/** Whether one record comes from the other, by membership or by force. */
function isNewer(guide: EpochRecord, record: EpochRecord): boolean {
  if (guide.clusterId !== record.clusterId) return false;
  if (record.lineage === guide.lineage) return record.epoch > guide.epoch;
  return forkFrom(record, guide.lineage) !== null;
}

/**
 * Whether an empty store takes its first record from a peer: a slave's from any, another one only
 * when it is invited, or named with its id, which is how a bootstrap reaches it.
 */
function isFirstRecord(core: Core, orders: Orders, from: string, record: EpochRecord): boolean {
  if (core.isSlave || orders.inviter === from) return true;
  return core.isMasterOf(record);
}

/** The master with the longest log, when that is longer than the own one. */
function longest(core: Core, guide: EpochRecord, peers: readonly MetPeer[]): string | null {
  const { log } = core;
  const isOwn = log.record?.lineage === guide.lineage;
  let best: MetPeer | null = null;
  for (const peer of peers) {
    const isCounted = isMasterOf(guide, peer) || isMasterBefore(core, peer);
    if (!isCounted) continue;
    const { revision } = peer.last;
    // An end of a lineage that is over is no measure: what lies beyond the fork is set aside.
    if (isOwn && revision <= log.last.revision) continue;
    if (best === null || revision > best.last.revision) best = peer;
  }
  return best?.name ?? null;
}

/** Whether it is a master by what is committed here, though by the newest record no more. */
function isMasterBefore({ log }: Core, peer: MetPeer): boolean {
  const agreed = log.recordAt(log.committed);
  return agreed !== null && isMasterOf(agreed, peer);
}

/**
 * For a slave: the source it has, or else one of the masters, by its own name so that all are used.
 * Where no master is in touch, one that is not a master may know more.
 */
function anyOf(
  core: Core,
  guide: EpochRecord,
  peers: readonly MetPeer[],
  current: string | null,
): string | null {
  const masters = peers.filter((peer) => isMasterOf(guide, peer));
  const awake = masters.filter(({ isStalled }) => !isStalled);
  const others = peers.filter(({ hello }) => core.isClient || !hello.isSlave);
  const choice = [awake, masters, others].find(({ length }) => length > 0) ?? [];
  const names = choice.map(({ name }) => name).sort();
  if (current !== null && names.includes(current)) return current;
  return names[hashOf(core.name) % names.length] ?? null;
}

function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) >>> 0;
  return hash;
}
