/** Trees for tests: a simple one to compare with, and short ways to write things down. */
import fc from 'fast-check';
import type { Operation } from '../../../src/config/transaction.js';
import { Tree } from '../../../src/config/tree.js';
import { decodeValue, encodeValue } from '../../../src/config/value.js';
import { limits } from '../../../src/limits.js';

export const put = (key: string, value: unknown): Operation => ({
  type: 'put',
  key,
  value: encodeValue(value),
});
export const remove = (key: string): Operation => ({ type: 'delete', key });
export const removePrefix = (prefix: string): Operation => ({ type: 'deletePrefix', prefix });

/** A tree with one revision for each list of operations. */
export function treeOf(...entries: readonly (readonly Operation[])[]): Tree {
  const tree = new Tree();
  for (const operations of entries) tree.apply(tree.revision + 1, operations);
  return tree;
}

/** What a key of a model is. */
export interface ModelItem {
  readonly value: unknown;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** What `tree` says of a prefix at a revision, with values decoded. */
export function readAll(tree: Tree, prefix = '', revision = tree.revision): [string, ModelItem][] {
  return tree
    .range(prefix, { revision })
    .map(({ key, value, ...numbers }) => [key, { value: decodeValue(value), ...numbers }]);
}

/** Every revision as a whole map, made the slow way. */
export class ModelTree {
  readonly revisions: ReadonlyMap<string, ModelItem>[] = [new Map()];

  apply(operations: readonly Operation[]): void {
    const before = this.revisions.at(-1) ?? new Map<string, ModelItem>();
    const modRevision = this.revisions.length;
    const after = new Map(before);
    for (const operation of operations) {
      if (operation.type === 'put') {
        const old = before.get(operation.key);
        after.set(operation.key, {
          value: decodeValue(operation.value),
          createRevision: old?.createRevision ?? modRevision,
          modRevision,
          version: (old?.version ?? 0) + 1,
        });
      } else if (operation.type === 'delete') after.delete(operation.key);
      else for (const key of [...after.keys()]) if (holds(operation.prefix, key)) after.delete(key);
    }
    this.revisions.push(after);
  }

  at(revision: number, prefix = ''): [string, ModelItem][] {
    const all = [...(this.revisions[revision] ?? [])];
    return all.filter(([key]) => holds(prefix, key)).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

export function holds(prefix: string, key: string): boolean {
  return prefix === '' || `${key}/`.startsWith(`${prefix}/`);
}

const names = ['a', 'b', 'a-b', 'a.b', 'ab'];
const segment = fc.constantFrom(...names);

/** Few keys that lie close to each other: neighbours of `/` in ASCII among them. */
export const anyKey = fc.oneof(
  fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => ['cluster', ...parts].join('/')),
  fc.tuple(segment, segment).map(([host, key]) => `hosts/${host}/${key}`),
  fc.tuple(segment, segment, segment).map(([h, n, key]) => `hosts/${h}/nodes/${n}/${key}`),
);
export const anyPrefix = fc.oneof(
  anyKey,
  fc.constantFrom('cluster', 'hosts', 'hosts/a', 'hosts/a/nodes'),
);

/** Operations of one transaction that do not contradict each other. */
export const anyOperations: fc.Arbitrary<Operation[]> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.tuple(anyKey, fc.integer()).map(([key, v]) => put(key, v)) },
      { weight: 3, arbitrary: anyKey.map(remove) },
      { weight: 1, arbitrary: anyPrefix.map(removePrefix) },
    ),
    { maxLength: 6 },
  )
  .map((operations) => {
    const isPrefix = ({ type }: Operation) => type === 'deletePrefix';
    const keyed = new Map(
      operations.flatMap((one) => (one.type === 'deletePrefix' ? [] : [[one.key, one] as const])),
    );
    return [...operations.filter(isPrefix), ...keyed.values()];
  });

/** Some tests write as much as may be. */
export const fullValue = Buffer.alloc(limits.configValueBytes - 5);

/** Values of every kind, with the names of tags among their keys. */
export const anyValue = fc.letrec((tie) => ({
  key: fc.oneof(
    fc.string({ unit: 'binary' }).filter((key) => !/^(__proto__|constructor|prototype)$/.test(key)),
    fc.constantFrom('$date', '$map', '$object', '$ref', '$', '<<', '1', 'no'),
  ),
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.constantFrom<unknown>(
        null,
        undefined,
        true,
        false,
        -0,
        Number.NaN,
        Number.POSITIVE_INFINITY,
      ),
      fc.integer(),
      fc.double(),
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'no',
        '0x1F',
        '1_000',
        '2026-01-31',
        ' a ',
        'a\n b\n',
        '\r\n',
        '\u2028',
        '- a',
        '~',
      ),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.date({ noInvalidDate: true, min: new Date(-1e14), max: new Date(1e14) }),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => new Int32Array(bytes)),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(tie('key'), tie('value')), { maxLength: 4 }).map(Object.fromEntries),
    fc
      .array(fc.tuple(fc.oneof(fc.string(), fc.integer(), fc.bigInt()), tie('value')), {
        maxLength: 3,
      })
      .map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
})).value;
