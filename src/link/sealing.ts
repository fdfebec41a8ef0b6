/**
 * Sealing: the two halves of one stream in one direction, as pure machines. Each bundle is
 * encrypted and authenticated under a key of its direction, stream and generation; its sequence is
 * the nonce. Kernel numbers (SSN, TSN) play no part: they begin anew where ours must not.
 */
import { LinkError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { AEAD_NONCE_BYTES, type Aead, type AeadKey, deriveKey } from '../runtime/crypto.js';
import { BUNDLE_HEADER_BYTES, readBundleHeader, writeBundleHeader } from '../wire/bundle.js';

/** What both ends derive their keys from. */
export interface SealingSecret {
  /** 32 bytes that only the two ends of this session know. */
  readonly secret: Uint8Array;
  /** Hash of the whole handshake. */
  readonly transcriptHash: Uint8Array;
  /** Null: nothing is sealed; records travel as they are, without any integrity of ours. */
  readonly aead: Aead | null;
}

/** Which end sends: each direction has keys of its own. */
export type Direction = 'dialler' | 'acceptor';

function keyOf(from: SealingSecret, direction: Direction, stream: number, generation: number) {
  const info = `backplane bundle 1 ${direction} ${stream} ${generation}`;
  return (from.aead as Aead).key(deriveKey(from.secret, from.transcriptHash, info));
}

/** The nonce of a sequence: four zero bytes, and the sequence in eight. */
class Nonce {
  readonly bytes = Buffer.alloc(AEAD_NONCE_BYTES);

  of(sequence: number): Buffer {
    this.bytes.writeUInt32BE(Math.floor(sequence / 2 ** 32), 4);
    this.bytes.writeUInt32BE(sequence % 2 ** 32, 8);
    return this.bytes;
  }
}

/** The sending half. */
export class Sealer {
  readonly #from: SealingSecret;
  readonly #direction: Direction;
  readonly #stream: number;
  readonly #loose: boolean;
  readonly #nonce = new Nonce();
  readonly #tagBytes: number;
  #key: AeadKey | null = null;
  #generation = 0;
  #sealedWithKey = 0;
  #sequence = 0;

  constructor(from: SealingSecret, direction: Direction, stream: number, loose: boolean) {
    this.#from = from;
    this.#direction = direction;
    this.#stream = stream;
    this.#loose = loose;
    this.#tagBytes = from.aead?.tagBytes ?? 0;
  }

  /** Sequence of the next bundle. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Bytes of a frame beyond its records. */
  get overheadBytes(): number {
    return BUNDLE_HEADER_BYTES + this.#tagBytes;
  }

  /** The next bundle goes under a new key, unless this one was never used. */
  rekey(): void {
    if (this.#sealedWithKey === 0) return;
    this.#generation++;
    this.#key = null;
    this.#sealedWithKey = 0;
  }

  /**
   * Seals the records in `frame[BUNDLE_HEADER_BYTES, end)` where they stand.
   * @returns The bundle: `frame` from its start to the end of the tag, for which there is room.
   * @throws LinkError ERR_LINK_DOWN when all numbers are used up.
   */
  seal(frame: Buffer, end: number): Buffer {
    const sequence = this.#sequence;
    if (sequence >= Number.MAX_SAFE_INTEGER) {
      throw new LinkError('ERR_LINK_DOWN', `stream ${this.#stream} has no number left`);
    }
    if (this.#sealedWithKey >= limits.rekeyBundles) this.rekey();
    const bytes = end + this.#tagBytes;
    const generation = this.#generation;
    writeBundleHeader(frame, bytes, { loose: this.#loose, generation, sequence });
    if (this.#from.aead !== null) {
      this.#key ??= keyOf(this.#from, this.#direction, this.#stream, generation);
      this.#key.seal(this.#nonce.of(sequence), frame, BUNDLE_HEADER_BYTES, end);
    }
    this.#sealedWithKey++;
    this.#sequence = sequence + 1;
    return frame.subarray(0, bytes);
  }
}

/** A bundle that was let in. */
export interface OpenedBundle {
  readonly sequence: number;
  /** A view of the frame where nothing is sealed. */
  readonly records: Buffer;
}

/** The receiving half. */
export class Opener {
  readonly #from: SealingSecret;
  readonly #direction: Direction;
  readonly #stream: number;
  readonly #nonce = new Nonce();
  readonly #window: ReplayWindow | null;
  #generation = 0;
  #key: AeadKey | null = null;
  /** Loose streams only: the generation before. */
  #oldKey: AeadKey | null = null;
  #next = 0;

  constructor(from: SealingSecret, direction: Direction, stream: number, loose: boolean) {
    this.#from = from;
    this.#direction = direction;
    this.#stream = stream;
    this.#window = loose ? new ReplayWindow(limits.replayWindow) : null;
  }

  /**
   * Opens the next bundle of this stream.
   *
   * @throws ProtocolError ERR_PROTOCOL: not sealed by the peer for this stream, or not the next one
   *   (on a loose stream: one that came already, or is older than the window).
   */
  open(frame: Buffer): OpenedBundle {
    const { loose, generation, sequence } = readBundleHeader(frame);
    if (loose !== (this.#window !== null)) throw this.#refused('is of the other kind');
    const inTurn = this.#window === null ? sequence === this.#next : this.#window.isNew(sequence);
    if (!inTurn) throw this.#refused('is out of its sequence');
    const records = this.#unseal(frame, generation, sequence);
    if (this.#window === null) this.#next = sequence + 1;
    else this.#window.add(sequence);
    return { sequence, records };
  }

  /** A new generation counts only when a bundle that opens has proven it. */
  #unseal(frame: Buffer, generation: number, sequence: number): Buffer {
    const step = generation - this.#generation;
    if (step !== 0 && step !== 1 && !(step === -1 && this.#window !== null)) {
      throw this.#refused('has a generation out of turn');
    }
    let key: AeadKey | null = null;
    let records: Buffer | null;
    if (this.#from.aead === null) {
      records = frame.subarray(BUNDLE_HEADER_BYTES);
    } else {
      key = this.#keyFor(step, generation);
      records = key.open(this.#nonce.of(sequence), frame, BUNDLE_HEADER_BYTES);
    }
    if (records === null) throw this.#refused('was not sealed for it');
    if (step === 1) {
      this.#oldKey = this.#key;
      this.#key = key;
      this.#generation = generation;
    }
    return records;
  }

  #keyFor(step: number, generation: number): AeadKey {
    const make = () => keyOf(this.#from, this.#direction, this.#stream, generation);
    if (step === 1) return make();
    if (step === 0) {
      this.#key ??= make();
      return this.#key;
    }
    this.#oldKey ??= make();
    return this.#oldKey;
  }

  #refused(what: string): ProtocolError {
    return new ProtocolError('ERR_PROTOCOL', `a bundle on stream ${this.#stream} ${what}`);
  }
}

/** Which of the last numbers have come (RFC 4303, 3.4.3). */
class ReplayWindow {
  readonly #width: number;
  readonly #seen: Uint8Array;
  #highest = -1;

  constructor(width: number) {
    this.#width = width;
    this.#seen = new Uint8Array(width);
  }

  isNew(sequence: number): boolean {
    if (sequence > this.#highest) return true;
    if (sequence <= this.#highest - this.#width) return false;
    return this.#seen[sequence % this.#width] === 0;
  }

  add(sequence: number): void {
    if (sequence > this.#highest) {
      const from = Math.max(this.#highest + 1, sequence - this.#width + 1);
      for (let passed = from; passed < sequence; passed++) this.#seen[passed % this.#width] = 0;
      this.#highest = sequence;
    }
    this.#seen[sequence % this.#width] = 1;
  }
}
