/** What every program in this realm shares, and no input may change. */

const CONSTRUCTORS = [
  Object,
  Array,
  Function,
  String,
  Number,
  Boolean,
  Symbol,
  BigInt,
  Date,
  RegExp,
  Map,
  Set,
  Promise,
  Error,
  TypeError,
  RangeError,
  ArrayBuffer,
  DataView,
  Object.getPrototypeOf(Uint8Array),
  Uint8Array,
  Float64Array,
  BigInt64Array,
  Buffer,
] as const;

type Property = readonly [key: PropertyKey, descriptor: PropertyDescriptor];
type Photograph = ReadonlyMap<object, readonly [parent: unknown, properties: readonly Property[]]>;

/** What the shared objects are like now. */
export function photograph(): Photograph {
  const objects: object[] = [globalThis];
  for (const one of CONSTRUCTORS) objects.push(one, one.prototype as object);
  return new Map(
    objects.map((object) => [object, [Object.getPrototypeOf(object), propertiesOf(object)]]),
  );
}

function propertiesOf(object: object): Property[] {
  // What Node loads when it is first used changes its value then, and may keep something under a
  // symbol (undici from Node 22 on): of globals, the names count.
  if (object === globalThis) return Object.getOwnPropertyNames(object).map((key) => [key, {}]);
  return Reflect.ownKeys(object).map((key) => {
    const descriptor = Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor;
    return [key, descriptor];
  });
}

/** The names of what differs; none when the two are the same. */
export function differences(before: Photograph, after: Photograph): string[] {
  const found: string[] = [];
  for (const [object, [parent, properties]] of before) {
    const [newParent, newProperties] = after.get(object) as [unknown, readonly Property[]];
    const name =
      typeof object === 'function' ? object.name : `${object.constructor.name}.prototype`;
    if (newParent !== parent) found.push(`the prototype of ${name}`);
    const old = new Map(properties);
    const now = new Map(newProperties);
    for (const key of new Set([...old.keys(), ...now.keys()])) {
      const [one, other] = [old.get(key), now.get(key)];
      if (one === undefined || other === undefined || !same(one, other)) {
        found.push(`${name}: ${String(key)}`);
      }
    }
  }
  return found;
}

function same(one: PropertyDescriptor, other: PropertyDescriptor): boolean {
  const fields = ['value', 'get', 'set', 'writable', 'enumerable', 'configurable'] as const;
  return fields.every((field) => Object.is(one[field], other[field]));
}
