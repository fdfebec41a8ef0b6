/**
 * The only door to node:crypto. Everything here but `randomBytes` is a function of its arguments,
 * so that a simulation that supplies the random bytes replays exactly.
 */
import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes as systemRandomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** Bytes of an X25519 key, of a SHA-256 hash and of its HMAC. */
export const KEY_BYTES = 32;
export const HASH_BYTES = 32;

/**
 * An X25519 key as JWK (RFC 8037, 2). Reading the same from DER takes OpenSSL's decoders several
 * times as long.
 */
const X25519 = { kty: 'OKP', crv: 'X25519' } as const;

/** Random bytes that were drawn together: each drawing is several system calls. */
const POOL_BYTES = 1024;
const POOLED_BYTES = 64;
let pool = Buffer.alloc(0);

/** `count` bytes from the system's generator. */
export function randomBytes(count: number): Buffer {
  if (count > POOLED_BYTES) return systemRandomBytes(count);
  if (pool.length < count) pool = systemRandomBytes(POOL_BYTES);
  const bytes = Buffer.from(pool.subarray(0, count));
  // What was given away is a secret, perhaps, and stays nowhere else.
  pool.fill(0, 0, count);
  pool = pool.subarray(count);
  return bytes;
}

/** SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** SHA-256 of some bytes, in hex: at once, at a third of what it costs in steps. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** HMAC-SHA-256 (RFC 2104) of the parts, one after the other. */
export function hmacSha256(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** HKDF-SHA-256 (RFC 5869): a key of 32 bytes for one purpose, which `info` names. */
export function deriveKey(secret: Uint8Array, salt: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, KEY_BYTES));
}

/** Bytes of the nonce of an Aead. */
export const AEAD_NONCE_BYTES = 12;

/** A key of an authenticated cipher, ready for use. */
export interface AeadKey {
  /**
   * Encrypts `frame[start, end)` where it stands, and writes the tag behind it; `frame[0, start)`
   * is authenticated with it. A nonce must not be used twice.
   */
  seal(nonce: Uint8Array, frame: Buffer, start: number, end: number): void;
  /**
   * What was sealed: memory of its own, or the frame's own. Null when frame, nonce or key is not
   * what it was; the frame's content is then lost.
   */
  open(nonce: Uint8Array, frame: Buffer, start: number): Buffer | null;
}

/** An authenticated cipher with keys of 32 bytes. */
export interface Aead {
  readonly tagBytes: number;
  /** @param bytes KEY_BYTES of them. */
  key(bytes: Uint8Array): AeadKey;
}

class NodeAeadKey implements AeadKey {
  readonly #key: KeyObject;
  readonly #cipher: CipherGCMTypes;
  readonly #options: { readonly authTagLength: number };

  constructor(cipher: string, tagBytes: number, bytes: Uint8Array) {
    this.#key = createSecretKey(bytes);
    // The declarations know ChaCha20-Poly1305 only under a type with the same methods.
    this.#cipher = cipher as CipherGCMTypes;
    this.#options = { authTagLength: tagBytes };
  }

  seal(nonce: Uint8Array, frame: Buffer, start: number, end: number): void {
    const cipher = createCipheriv(this.#cipher, this.#key, nonce, this.#options);
    cipher.setAAD(frame.subarray(0, start));
    frame.set(cipher.update(frame.subarray(start, end)), start);
    cipher.final();
    frame.set(cipher.getAuthTag(), end);
  }

  open(nonce: Uint8Array, frame: Buffer, start: number): Buffer | null {
    const end = frame.length - this.#options.authTagLength;
    if (end < start) return null;
    const decipher = createDecipheriv(this.#cipher, this.#key, nonce, this.#options);
    decipher.setAAD(frame.subarray(0, start));
    decipher.setAuthTag(frame.subarray(end));
    const plaintext = decipher.update(frame.subarray(start, end));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return plaintext;
  }
}

function nodeAead(cipher: string): Aead {
  const tagBytes = 16;
  return { tagBytes, key: (bytes) => new NodeAeadKey(cipher, tagBytes, bytes) };
}

/** AES-256-GCM (NIST SP 800-38D): what processors have instructions for. */
export const aes256Gcm: Aead = nodeAead('aes-256-gcm');
/** ChaCha20-Poly1305 (RFC 8439): faster where they have none. */
export const chacha20Poly1305: Aead = nodeAead('chacha20-poly1305');

/** Whether both are the same, in a time that depends on their lengths only. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');

/** An X25519 key pair (RFC 7748) made from 32 random bytes. */
export class EphemeralKey {
  /** 32 bytes, for the peer. */
  readonly publicKey: Buffer;
  readonly #privateKey: KeyObject;

  /** @param seed 32 random bytes; the clamping of RFC 7748, 5 is done by the engine. */
  constructor(seed: Uint8Array) {
    if (seed.length !== KEY_BYTES) throw new RangeError(`an X25519 key has ${KEY_BYTES} bytes`);
    // The engine makes `x` of `d`, and takes any text in its place.
    const key = { ...X25519, d: base64url(seed), x: '' };
    this.#privateKey = createPrivateKey({ key, format: 'jwk' });
    this.publicKey = Buffer.from(this.#privateKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  }

  /**
   * The secret shared with the holder of `peerPublicKey`, or null when that key is of small order
   * or not a key at all: the secret would be all zero, which contributes nothing (RFC 7748, 6.1).
   */
  sharedSecret(peerPublicKey: Uint8Array): Buffer | null {
    if (peerPublicKey.length !== KEY_BYTES) return null;
    let secret: Buffer;
    try {
      const key = { ...X25519, x: base64url(peerPublicKey) };
      const publicKey = createPublicKey({ key, format: 'jwk' });
      secret = diffieHellman({ privateKey: this.#privateKey, publicKey });
    } catch {
      // OpenSSL itself refuses to derive an all-zero secret.
      return null;
    }
    return secret.some((byte) => byte !== 0) ? secret : null;
  }
}

/** SHA-256 of what comes piece by piece. */
export class Sha256 {
  readonly #hash = createHash('sha256');

  update(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  /** The digest in hex; nothing can be added after. */
  hex(): string {
    return this.#hash.digest('hex');
  }
}
