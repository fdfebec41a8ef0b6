/** The cluster keys of a running node, which can be exchanged while its links stay up. */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { keyId } from '../link/agreement.js';
import { checkKey, readKeyFile } from './key-file.js';

/**
 * Keys as a program gives them: one, or several.
 * @throws NodeError ERR_ARGUMENT: none, or more than limits.keys; as `checkKey`.
 */
export function checkKeys(key: unknown): readonly Uint8Array[] {
  const keys: readonly unknown[] = Array.isArray(key) ? key : [key];
  if (keys.length < 1 || keys.length > limits.keys) {
    throw new NodeError('ERR_ARGUMENT', `key: 1 to ${limits.keys} keys, not ${keys.length}`);
  }
  return keys.map(checkKey);
}

/** All keys are accepted from peers that dial; with the first we prove ourselves when we dial. */
export class KeyRing {
  readonly #file: string | null;
  #keys: readonly Uint8Array[];

  /** @param file where the keys came from, to be read again; null where a program gave them. */
  constructor(keys: readonly Uint8Array[], file: string | null) {
    this.#keys = keys;
    this.#file = file;
  }

  /** The keys that hold for every handshake that begins from now on. */
  get keys(): readonly Uint8Array[] {
    return this.#keys;
  }

  /** What tells keys apart without telling them: 16 hex digits each, in the order of the keys. */
  get ids(): readonly string[] {
    return this.#keys.map((key) => keyId(key).toString('hex'));
  }

  /** @throws NodeError as `checkKeys`; then the keys from before hold. */
  use(key: unknown): void {
    this.#keys = checkKeys(key);
  }

  /**
   * Reads the key file again.
   * @throws (rejects) NodeError ERR_STATE (there is none); as `readKeyFile`. Then the keys from
   *   before hold.
   */
  async reload(): Promise<void> {
    if (this.#file === null) {
      throw new NodeError('ERR_STATE', 'the node was given its keys by the program, not by a file');
    }
    this.#keys = await readKeyFile(this.#file);
  }
}
