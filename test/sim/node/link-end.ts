/** One end of one link, from its nodeup to its nodedown. */
import type { NodeUp } from '../../../src/node/events.js';
import type { SimCarrier } from '../../../src/testing/model/carrier.js';
import type { CallRecord, SentMessage } from './ledger.js';
import type { SimMember } from './member.js';

export class LinkEnd {
  readonly member: SimMember;
  readonly peerName: string;
  readonly peerIncarnation: string;
  readonly carrier: SimCarrier;
  /** The same at both ends. */
  readonly identity: string;
  readonly upAtMs: number;
  /** Sent, and without an outcome. */
  readonly pending = new Set<SentMessage>();
  readonly calls = new Set<CallRecord>();
  /** Numbers of the next message to send, and to handle, by order key. */
  readonly nextToSend = new Map<string, number>();
  readonly nextToHandle = new Map<string, number>();
  isDown = false;
  /** This end was told to leave. */
  isLeaving = false;
  isStalled = false;
  stalledAtMs = 0;
  /** A plane is missing, as far as was told. */
  isBare = false;
  /** Whether a path was active when that was last told, and since when it is so. */
  hasActivePath = true;
  pathsSinceMs: number;

  constructor(member: SimMember, event: NodeUp, carrier: SimCarrier, nowMs: number) {
    const { name, incarnation, dialledBy, linkNumber } = event;
    this.member = member;
    this.peerName = name;
    this.peerIncarnation = incarnation;
    this.carrier = carrier;
    const ends = [member.incarnation, incarnation];
    if (dialledBy === 'peer') ends.reverse();
    this.identity = `${ends.join('>')} ${linkNumber}`;
    this.upAtMs = nowMs;
    this.pathsSinceMs = nowMs;
    this.lookAtPaths(nowMs);
  }

  lookAtPaths(nowMs: number): void {
    const isActive = this.carrier.paths.some(({ state }) => state === 'active');
    if (isActive === this.hasActivePath) return;
    this.hasActivePath = isActive;
    this.pathsSinceMs = nowMs;
  }
}
