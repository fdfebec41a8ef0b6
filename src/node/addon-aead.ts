/** AES-256-GCM by the addon: in place, without memory of its own for each bundle. */
import { type Aead, type AeadKey, KEY_BYTES } from '../runtime/crypto.js';
import { loadAddon } from '../sctp/load-addon.js';
import type { NativeAddon } from '../sctp/native.js';

const TAG_BYTES = 16;

class AddonAeadKey implements AeadKey {
  readonly #addon: NativeAddon;
  readonly #key: Uint8Array;

  constructor(addon: NativeAddon, key: Uint8Array) {
    this.#addon = addon;
    this.#key = key;
  }

  seal(nonce: Uint8Array, frame: Buffer, start: number, end: number): void {
    this.#addon.sealAes256Gcm(this.#key, nonce, frame, start, end);
  }

  open(nonce: Uint8Array, frame: Buffer, start: number): Buffer | null {
    const isOpen = this.#addon.openAes256Gcm(this.#key, nonce, frame, start);
    return isOpen ? frame.subarray(start, frame.length - TAG_BYTES) : null;
  }
}

/**
 * The same cipher as `aes256Gcm` of the runtime, for keys of KEY_BYTES. What it opens is a
 * view of the frame.
 */
export const addonAes256Gcm: Aead = {
  tagBytes: TAG_BYTES,
  /** @throws SctpError ERR_ADDON_MISSING; RangeError for a key of another length. */
  key: (bytes) => {
    if (bytes.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes`);
    return new AddonAeadKey(loadAddon(), bytes);
  },
};
