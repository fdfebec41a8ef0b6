/**
 * One stream of a sealed link in one direction, with an attacker's own way to seal: written from
 * the description of the wire, and honest until something is made wrong.
 */
import { createCipheriv, hkdfSync } from 'node:crypto';
import { type Direction, Opener, type SealingSecret } from '../../src/link/sealing.js';
import { aes256Gcm } from '../../src/runtime/crypto.js';
import { BUNDLE_HEADER_BYTES, writeBundleHeader } from '../../src/wire/bundle.js';
import type { Dice } from './dice.js';

export const TAG_BYTES = 16;

/** What a bundle is sealed for. */
export interface Terms {
  readonly secret: Uint8Array;
  readonly transcriptHash: Uint8Array;
  readonly direction: Direction;
  readonly stream: number;
  readonly generation: number;
  /** Of the nonce. */
  readonly sequence: number;
  /** Whether the header is authenticated with the records. */
  readonly withHeader: boolean;
}

/** Seals a bundle whose header says one thing, under terms that may be others. */
export function seal(
  header: { readonly loose: boolean; readonly generation: number; readonly sequence: number },
  terms: Terms,
  records: Buffer,
): Buffer {
  const frame = Buffer.alloc(BUNDLE_HEADER_BYTES + records.length + TAG_BYTES);
  writeBundleHeader(frame, frame.length, header);
  const info = `backplane bundle 1 ${terms.direction} ${terms.stream} ${terms.generation}`;
  const key = hkdfSync('sha256', terms.secret, terms.transcriptHash, info, 32);
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(terms.sequence), 4);
  const cipher = createCipheriv('aes-256-gcm', new Uint8Array(key), nonce);
  if (terms.withHeader) cipher.setAAD(frame.subarray(0, BUNDLE_HEADER_BYTES));
  cipher.update(records).copy(frame, BUNDLE_HEADER_BYTES);
  cipher.final();
  cipher.getAuthTag().copy(frame, frame.length - TAG_BYTES);
  return frame;
}

/** A stream on which honest bundles have come already. */
export class Scene {
  readonly loose: boolean;
  readonly dice: Dice;
  /** Honest bundles that were opened, the oldest first. */
  readonly opened: Buffer[] = [];
  readonly #terms: Omit<Terms, 'generation' | 'sequence'>;
  readonly #opener: Opener;
  generation = 0;
  sequence = 0;

  constructor(loose: boolean, dice: Dice) {
    this.loose = loose;
    this.dice = dice;
    this.#terms = {
      secret: dice.bytes(32),
      transcriptHash: dice.bytes(32),
      direction: dice.pick(['dialler', 'acceptor']),
      stream: dice.below(64),
      withHeader: true,
    };
    const { secret, transcriptHash, direction, stream } = this.#terms;
    const from: SealingSecret = { secret, transcriptHash, aead: aes256Gcm };
    this.#opener = new Opener(from, direction, stream, loose);
  }

  /** What is true of the bundle that comes next. */
  get terms(): Terms {
    return { ...this.#terms, generation: this.generation, sequence: this.sequence };
  }

  get header() {
    const { loose, generation, sequence } = this;
    return { loose, generation, sequence };
  }

  /** A bundle like the next one, with something wrong about its terms or its header. */
  bundle(terms: Partial<Terms> = {}, header: Partial<typeof this.header> = {}): Buffer {
    const records = this.dice.bytes(this.dice.below(200));
    return seal({ ...this.header, ...header }, { ...this.terms, ...terms }, records);
  }

  /** The next honest bundle; it still has to be opened. */
  next(): Buffer {
    const bundle = this.bundle();
    this.sequence += 1;
    return bundle;
  }

  /** Whether the receiving end takes it. Throws what is no refusal. */
  opens(bundle: Buffer): boolean {
    try {
      this.#opener.open(bundle);
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_PROTOCOL') return false;
      throw error;
    }
  }

  /** So many honest bundles come. @returns How many were taken. */
  advance(count: number): number {
    let taken = 0;
    for (let i = 0; i < count; i++) {
      const bundle = this.next();
      if (this.opens(bundle)) taken += 1;
      this.opened.push(bundle);
    }
    return taken;
  }

  /** The sender takes a new key. */
  rekey(): void {
    this.generation += 1;
  }
}
