/** Paths: the destination addresses of the peer, and what happens to them. */
import { canonicalAddress } from './addresses.js';
import type {
  NativeNotification,
  NativePathInfo,
  NativePathState,
  NativeSocket,
} from './native.js';

/**
 * How a path is: 'potentially-failed' carries no new data but is not given up (RFC 7829),
 * 'unconfirmed' has not yet answered a HEARTBEAT (RFC 9260, section 5.4). 'unknown' only when the
 * engine does not tell.
 */
export type PathState = NativePathState;

/** One path, as the kernel has it at the moment of asking. */
export interface Path {
  /** The peer's address. */
  readonly address: string;
  readonly state: PathState;
  /** The path that carries data while it is active. */
  readonly primary: boolean;
  /** Smoothed round-trip time, in the kernel's ticks: 0 is less than one. */
  readonly rttMs: number;
  /** Retransmission timeout in force now. */
  readonly rtoMs: number;
  /** Congestion window. */
  readonly cwndBytes: number;
  /** Path MTU. */
  readonly mtuBytes: number;
}

/** What happened to a path. */
export type PathChange =
  | 'available'
  | 'unreachable'
  | 'potentially-failed'
  | 'made-primary'
  | 'confirmed'
  | 'added'
  | 'removed'
  | 'unknown';

/** Event `path`. */
export interface PathEvent {
  readonly address: string;
  readonly change: PathChange;
  /** The state after the change; as the event says where it does, else as the kernel says. */
  readonly state: PathState;
  /** Error the kernel names for the change, 0 when none. */
  readonly error: number;
}

const STATE_AFTER: Partial<Record<PathChange, PathState>> = {
  available: 'active',
  confirmed: 'active',
  unreachable: 'inactive',
  removed: 'inactive',
  'potentially-failed': 'potentially-failed',
};

const CHANGES_THE_LIST: readonly PathChange[] = ['added', 'removed', 'unknown'];

function infoOf(socket: NativeSocket, address: string): NativePathInfo | null {
  try {
    return socket.pathInfo(address);
  } catch {
    // Between two calls the address may have left the association, or the association may be over.
    return null;
  }
}

/**
 * The paths of an association. Which there are is asked of the kernel only when that may have
 * changed: it tells of each that comes or goes.
 */
export class PathReader {
  readonly #socket: NativeSocket;
  #addresses: readonly string[] | null = null;

  constructor(socket: NativeSocket) {
    this.#socket = socket;
  }

  /** Others may be there now. */
  forget(): void {
    this.#addresses = null;
  }

  /** All of them as they are now; empty when the association is not up or over. */
  read(): Path[] {
    let primary: NativePathInfo;
    try {
      primary = this.#socket.status().primary;
      this.#addresses ??= this.#socket.peerAddresses().map((peer) => peer.address);
    } catch {
      return [];
    }
    const paths: Path[] = [];
    const primaryAddress = canonicalAddress(primary.address);
    for (const address of this.#addresses) {
      const isPrimary = canonicalAddress(address) === primaryAddress;
      // The association's status holds what there is to ask about its primary path.
      const info = isPrimary ? primary : infoOf(this.#socket, address);
      if (info === null) {
        this.forget();
        continue;
      }
      const { state, rttMs, rtoMs, cwndBytes, mtuBytes } = info;
      paths.push({ address, state, primary: isPrimary, rttMs, rtoMs, cwndBytes, mtuBytes });
    }
    return paths;
  }

  /** The event for a notification. */
  event(notification: Extract<NativeNotification, { type: 'path' }>): PathEvent {
    const { address, change, error } = notification;
    const isKnown = this.#addresses?.includes(address) === true;
    if (!isKnown || CHANGES_THE_LIST.includes(change)) this.forget();
    const state = STATE_AFTER[change] ?? infoOf(this.#socket, address)?.state ?? 'unknown';
    return { address, change, state, error };
  }
}
