/**
 * The lab addon's whole contract: network namespaces and the few route netlink requests that planes
 * and faults are made of, from within this process, because starting `ip` takes up to 350 ms in the
 * guest. Links are named by interface index, and whoever makes a link chooses its index, so that
 * nothing has to be looked up.
 *
 * Every method throws a plain Error with `code` (the errno's name), `errno` (negative), `syscall`
 * and, where there is one, `address` (the file); after `close()` with `code: 'ERR_CLOSED'`; wrong
 * arguments throw a TypeError.
 */

/** Number of the contract in this file; the loader refuses an addon with another. */
export const LAB_CONTRACT = 1;

/** Index of the loopback interface in every namespace. */
export const LOOPBACK_INDEX = 1;

export interface NativeLab {
  readonly contract: number;
  readonly Namespace: new () => NativeNamespace;
  readonly Requests: new () => NativeRequests;
  /** What this system lets this process do: null, or the errno's name. */
  probe(): {
    /** Makes one SCTP socket. */
    readonly sctp: string | null;
    /** Makes one network namespace. */
    readonly namespaces: string | null;
  };
}

/**
 * A network namespace without a name; it is gone when it is closed and no process in it is left.
 */
export interface NativeNamespace {
  /**
   * Runs `work` with this thread in the namespace: sockets made and processes started by it are in
   * there for good. Only what `work` does before it returns counts; nothing may be awaited in it.
   */
  enter<T>(work: () => T): T;
  /** Writes files under /proc/sys as the namespace has them: `['net/ipv4/ip_forward', '1']`. */
  writeSysctls(values: ReadonlyArray<readonly [name: string, value: string]>): void;
  link(index: number): NativeLink;
  close(): void;
}

/** A link as the kernel sees it. */
export interface NativeLink {
  readonly up: boolean;
  readonly carrier: boolean;
  /** RFC 2863: 6 is up, 2 down, 7 lower layer down. */
  readonly operState: number;
  /** State of a bridge's port: 3 forwards, 0 is disabled; -1 where the link is no port. */
  readonly portState: number;
  readonly receivedFrames: number;
  readonly sentFrames: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/**
 * Requests written beforehand and sent by one system call, as often as wanted. Each method adds
 * one.
 */
export interface NativeRequests {
  /** A cable: two ends in two namespaces, both down. */
  addVeth(
    index: number,
    name: string,
    namespace: NativeNamespace,
    peerIndex: number,
    peerName: string,
    peerNamespace: NativeNamespace,
  ): this;
  /** A bridge whose ports forward at once: no spanning tree, no delay, no multicast snooping. */
  addBridge(index: number, name: string): this;
  setLink(index: number, up: boolean): this;
  /** Puts a link into a bridge; 0 takes it out, and it keeps its carrier. */
  setMaster(index: number, master: number): this;
  /** `address` has 4 or 16 bytes. Usable at once (no duplicate address detection). */
  addAddress(index: number, address: Uint8Array, prefixBits: number): this;
  /**
   * What happens to frames that leave by the link: loss from 0 to 1, delay and jitter in
   * milliseconds.
   */
  setImpairment(index: number, lossShare: number, delayMs: number, jitterMs: number): this;
  clearImpairment(index: number): this;
  /**
   * Sends all to the kernel of that namespace, which carries them out before this returns. The
   * result is the moment right before, in milliseconds on the clock of `process.hrtime`. Throws the
   * first failure; requests after it have been carried out all the same.
   */
  send(namespace: NativeNamespace): number;
}
