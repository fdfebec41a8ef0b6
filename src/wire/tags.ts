/**
 * The CBOR tags (RFC 8949, 3.4) of a body, and no others. Each has one form its content must have,
 * which the scan checks:
 *
 * | tag | value | content |
 * |---|---|---|
 * | 1 | Date | integer or float: seconds since 1970, within `limits.dateSeconds` |
 * | 2, 3 | BigInt, not negative and negative | byte string, at most `limits.bigIntBits` |
 * | 65-82, 85, 86 | typed array (RFC 8746) | byte string of whole elements |
 * | 258 | Set | array |
 * | 259 | Map | map with scalar keys |
 * | 1112556882 | Error | array: name, message, code |
 *
 * The name and the message of an error are texts, its code is a text, a number or null.
 */
export const tags = {
  date: 1,
  bigInt: 2,
  negativeBigInt: 3,
  set: 258,
  map: 259,
  /**
   * 'BPER' in ASCII. There is no tag for errors; 27, with which some writers send them, lets the
   * sender name a class.
   */
  error: 0x42504552,
} as const;

interface TypedArrayKind {
  readonly prototype: object;
  readonly elementBytes: number;
  /** With elements in little-endian order. Big-endian is 4 less, where elements have an order. */
  readonly tag: number;
}

const kinds: readonly TypedArrayKind[] = (
  [
    [Uint8ClampedArray, 68],
    [Uint16Array, 69],
    [Uint32Array, 70],
    [BigUint64Array, 71],
    [Int8Array, 72],
    [Int16Array, 77],
    [Int32Array, 78],
    [BigInt64Array, 79],
    [Float32Array, 85],
    [Float64Array, 86],
  ] as const
).map(([{ prototype, BYTES_PER_ELEMENT: elementBytes }, tag]) => ({
  prototype,
  elementBytes,
  tag,
}));

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * The tag of a typed array in this machine's order, by its prototype. A Uint8Array has none: it
 * is a plain byte string.
 */
export const typedArrayTags: ReadonlyMap<object, number> = new Map(
  kinds.map(({ prototype, elementBytes, tag }) => [
    prototype,
    elementBytes === 1 || isLittleEndian ? tag : tag - 4,
  ]),
);

/** Bytes of one element, by tag, in either order. */
export const typedArrayElementBytes: ReadonlyMap<number, number> = new Map(
  kinds.flatMap(({ elementBytes, tag }) =>
    (elementBytes === 1 ? [tag] : [tag, tag - 4]).map((one) => [one, elementBytes] as const),
  ),
);
