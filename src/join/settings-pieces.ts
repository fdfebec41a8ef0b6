/**
 * The settings of a worker on their way from its controller: pieces, of which each has room in one
 * body. They begin with all that there is; changes follow as they come.
 */
import type { Seen } from '../config/replica-io.js';
import { checkValueBytes, decodeValue } from '../config/value.js';
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';

/** Values by key, as they are encoded. */
export type EncodedSettings = ReadonlyMap<string, Buffer>;

/** What a worker has been told is of this revision of the configuration. */
export type SettingsPlace = Seen;

/** One piece. What is in several counts when the last of them is there. */
export interface SettingsPiece {
  readonly place: SettingsPlace;
  /** What was told before is void. */
  readonly isFirst: boolean;
  /** With this all is told, as it is now. */
  readonly isLast: boolean;
  /** Keys and values that are new. */
  readonly set: readonly (readonly [key: string, value: Buffer])[];
  /** Keys that are there no more. */
  readonly gone: readonly string[];
}

/** What a key counts besides its own length. */
const KEY_BYTES = 16;

/**
 * What has changed; all, where nothing was told before.
 * @returns No piece where nothing has.
 */
export function* piecesOf(
  before: EncodedSettings | null,
  now: EncodedSettings,
  place: SettingsPlace,
): Generator<SettingsPiece, void, void> {
  const set = [...now].filter(([key, value]) => before?.get(key)?.equals(value) !== true);
  const gone = [...(before?.keys() ?? [])].filter((key) => !now.has(key));
  let isFirst = before === null;
  if (!isFirst && set.length === 0 && gone.length === 0) return;
  for (;;) {
    const room = { bytes: limits.settingsPieceBytes };
    const piece = {
      set: taken(set, room, ([key, value]) => key.length + value.length),
      gone: taken(gone, room, (key) => key.length),
    };
    const isLast = set.length === 0 && gone.length === 0;
    yield { place, isFirst, isLast, ...piece };
    if (isLast) return;
    isFirst = false;
  }
}

/** Takes from the front what there is room for, and one of them in any case. */
function taken<T>(from: T[], room: { bytes: number }, bytesOf: (one: T) => number): T[] {
  let count = 0;
  for (; count < from.length && room.bytes > 0; count++) {
    room.bytes -= bytesOf(from[count] as T) + KEY_BYTES;
  }
  return from.splice(0, count);
}

/** All settings at one place. */
export interface ReadSettings {
  readonly values: ReadonlyMap<string, unknown>;
  readonly place: SettingsPlace;
}

/** Where a worker says that it is; null: nowhere yet, or it is no place. */
export function readPlace(body: unknown): SettingsPlace | null {
  const { lineage, revision } = (body ?? {}) as Partial<SettingsPlace>;
  if (typeof lineage !== 'string' || !Number.isSafeInteger(revision)) return null;
  return { lineage, revision: revision as number };
}

/** Puts pieces together. */
export class SettingsReader {
  #values = new Map<string, unknown>();

  /**
   * Takes the next one.
   * @returns All values, when these are all that there are; null: more pieces follow.
   * @throws ProtocolError ERR_PROTOCOL: it is no piece.
   */
  take(body: unknown): ReadSettings | null {
    const { place, isFirst, isLast, set, gone } = checkPiece(body);
    const values = isFirst ? new Map<string, unknown>() : this.#values;
    for (const key of gone) values.delete(key);
    for (const [key, value] of set) {
      checkValueBytes(value);
      values.set(key, decodeValue(value));
    }
    this.#values = values;
    if (!isLast) return null;
    return { values: new Map([...values].sort(([a], [b]) => (a < b ? -1 : 1))), place };
  }
}

function checkPiece(body: unknown): SettingsPiece {
  const { place, isFirst, isLast, set, gone } = (body ?? {}) as Partial<SettingsPiece>;
  const isSound =
    readPlace(place) !== null &&
    typeof isFirst === 'boolean' &&
    typeof isLast === 'boolean' &&
    Array.isArray(set) &&
    set.every(isEntry) &&
    Array.isArray(gone) &&
    gone.every(isKey);
  if (isSound) return body as SettingsPiece;
  throw new ProtocolError('ERR_PROTOCOL', 'what a controller told is no piece of settings');
}

const isKey = (value: unknown): boolean => typeof value === 'string';

function isEntry(value: unknown): boolean {
  return Array.isArray(value) && isKey(value[0]) && Buffer.isBuffer(value[1]);
}
