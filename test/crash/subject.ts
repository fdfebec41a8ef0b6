/** What can be killed and looked at: a store, or masters of a configuration. */

/** How long it takes until writes are acknowledged again. */
export interface Recovery {
  /** To open the store. */
  readonly openMs: number;
  /** From then to the first acknowledged write. */
  readonly recoveryMs: number;
}

/** A process that writes until it is killed. */
export interface Victim {
  /**
   * Resolves when the process has begun to open what it writes to; rejects when it ends by itself,
   * with what it said.
   */
  readonly started: Promise<void>;
  /** Resolves with the first write that is acknowledged. */
  readonly recovered: Promise<Recovery>;
  /** Resolves after so many more writes were acknowledged; rejects when it ends by itself. */
  afterWrites(count: number): Promise<void>;
  /** SIGKILL; resolves when it has ended and all that it had told is known. */
  kill(): Promise<void>;
}

/** What was found after a kill, against what had been acknowledged before. */
export interface Loss {
  /** Acknowledged writes that are not there, or not as they were written. */
  readonly lost: number;
  /** Writes of which a part is there. */
  readonly halfApplied: number;
  /** What is wrong, in sentences. */
  readonly findings: readonly string[];
}

/** Something that has to survive the end of its process at any moment. */
export interface Subject {
  /** An early kill comes so long, at most, after the process has begun to open; null: none does. */
  readonly earlyMs: number | null;
  /** Whatever has to be there before the first start. */
  prepare(): Promise<void>;
  /** Starts the process that writes. */
  start(): Victim;
  /** Looks at what is there after a kill, before the next start. */
  look(): Promise<Loss>;
  /** Acknowledged so far, over all processes. */
  readonly acknowledged: number;
  /** Begins anew, with nothing, where that is more than a start. */
  reset(): Promise<void>;
  /** Ends what still runs. */
  close(): Promise<void>;
}
