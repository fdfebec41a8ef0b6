/**
 * Messages of socket.io as bytes: JSON, and behind it the binary values that JSON cannot hold.
 *
 * What a client would get from the server it is connected to, it gets from any other: objects of a
 * class go by `toJSON` or their own properties, functions are left out, and binary values stay what
 * they are, as socket.io's own parser has it. Beyond that `undefined`, dates, NaN, -0 and the
 * infinities keep, for parsers that can tell them from others and for `serverSideEmit`.
 *
 * Layout: length of the JSON (4 bytes, big endian), the JSON, the binary values one after the
 * other. In the JSON `{ "$": [kind, ...] }` stands for what is none of its own.
 */

const MARK = '$';
const HEAD_BYTES = 4;

type Maker = (bytes: Buffer) => unknown;

/** The bytes alone, in memory that begins where any type may begin. */
const alone = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer;

const makers: Readonly<Record<string, Maker>> = {
  Buffer: (bytes) => bytes,
  ArrayBuffer: alone,
  DataView: (bytes) => new DataView(alone(bytes)),
  Uint8Array: (bytes) => new Uint8Array(bytes),
  ...Object.fromEntries(
    [
      Int8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ].map((View) => [View.name, (bytes: Buffer) => new View(alone(bytes))]),
  ),
};

function bytesOf(value: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

class Writer {
  readonly binaries: Uint8Array[] = [];
  #bytes = 0;

  /** The value as JSON can hold it; undefined for what is left out. */
  value(value: unknown, key = ''): unknown {
    switch (typeof value) {
      case 'undefined':
        return { [MARK]: ['undefined'] };
      case 'number':
        if (Number.isFinite(value) && !Object.is(value, -0)) return value;
        return { [MARK]: ['number', Object.is(value, -0) ? '-0' : String(value)] };
      case 'object':
        return value === null ? null : this.#object(value, key);
      case 'function':
      case 'symbol':
        return undefined;
      default:
        return value;
    }
  }

  #object(value: object, key: string): unknown {
    if (Array.isArray(value)) return value.map((item, i) => this.value(item, String(i)) ?? null);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return this.#binary(value);
    if (value instanceof Date) return { [MARK]: ['Date', value.getTime()] };
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') return this.value(toJSON.call(value, key), key);
    const copy: [string, unknown][] = [];
    for (const [name, item] of Object.entries(value)) {
      const written = this.value(item, name);
      if (written !== undefined) copy.push([name, written]);
    }
    // Unlike an assignment, also right for a property that is called __proto__.
    const plain = Object.fromEntries(copy);
    return Object.hasOwn(plain, MARK) ? { [MARK]: ['object', plain] } : plain;
  }

  #binary(value: ArrayBufferView | ArrayBuffer): object {
    const { name } = value.constructor;
    const kind = Buffer.isBuffer(value) ? 'Buffer' : name;
    const bytes = bytesOf(value);
    this.binaries.push(bytes);
    this.#bytes += bytes.length;
    const at = this.#bytes - bytes.length;
    return { [MARK]: [Object.hasOwn(makers, kind) ? kind : 'Buffer', at, bytes.length] };
  }
}

/**
 * A message as bytes.
 * @throws TypeError for what JSON cannot hold (BigInt); RangeError for what holds itself.
 */
export function encodeMessage(message: object): Buffer {
  const writer = new Writer();
  const json = Buffer.from(JSON.stringify(writer.value(message)));
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(json.length);
  return Buffer.concat([head, json, ...writer.binaries]);
}

class Reader {
  readonly #binaries: Buffer;

  constructor(binaries: Buffer) {
    this.#binaries = binaries;
  }

  value(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Object.hasOwn(value, MARK)) return this.#marked((value as Record<string, unknown>)[MARK]);
    return this.#items(value as Record<string, unknown>);
  }

  /** In place: what JSON.parse made has every property as its own, whatever it is called. */
  #items(items: Record<string, unknown>): unknown {
    for (const key of Object.keys(items)) {
      const item = items[key];
      if (typeof item === 'object' && item !== null) items[key] = this.value(item);
    }
    return items;
  }

  #marked(mark: unknown): unknown {
    const [kind, first, second] = mark as readonly unknown[];
    switch (kind) {
      case 'undefined':
        return undefined;
      case 'number':
        return Number(first);
      case 'Date':
        return new Date((first ?? Number.NaN) as number);
      case 'object':
        return this.#items(first as Record<string, unknown>);
      default:
        return this.#binary(String(kind), Number(first), Number(second));
    }
  }

  #binary(kind: string, at: number, length: number): unknown {
    const make = Object.hasOwn(makers, kind) ? makers[kind] : undefined;
    const isInside = at >= 0 && length >= 0 && at + length <= this.#binaries.length;
    if (make === undefined || !isInside) throw new TypeError('a mark of nothing we know');
    return make(this.#binaries.subarray(at, at + length));
  }
}

/**
 * The message of a peer; null when it is none.
 * @param body whatever came.
 */
export function decodeMessage(body: unknown): Record<string, unknown> | null {
  if (!Buffer.isBuffer(body) || body.length < HEAD_BYTES) return null;
  const end = HEAD_BYTES + body.readUInt32BE();
  if (end > body.length) return null;
  try {
    const json: unknown = JSON.parse(body.toString('utf8', HEAD_BYTES, end));
    const message = new Reader(body.subarray(end)).value(json);
    return typeof message === 'object' ? (message as Record<string, unknown> | null) : null;
  } catch {
    // Not JSON, a mark without what it stands for, or nested deeper than the stack.
    return null;
  }
}
