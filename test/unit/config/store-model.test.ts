import assert from 'node:assert/strict';
import test from 'node:test';
import type {
  BaseItem,
  StoreContents,
  StoreOperation,
} from '../../../src/config/store-contract.js';
import { SeededRandom } from '../../../src/testing/random.js';
import {
  committed,
  compact,
  DiskStore,
  entry,
  install,
  item,
  STORE_ID,
  surplus,
  temporary,
} from './disk-store.js';
import { MemoryStore } from './memory-store.js';

/** Everything that a store holds. */
function all({ items, ...rest }: StoreContents): unknown {
  return { ...rest, items: [...items] };
}

/** Operations as a replica may ask for them. */
class Asker {
  readonly #random: SeededRandom;
  readonly #keys = new Set<string>();
  #base = 0;
  #last = 0;
  #committed = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  next(): StoreOperation[] {
    const kind = this.#random.below(20);
    if (kind === 0) return [this.#install()];
    if (kind === 1) return [{ type: 'forget' }];
    if (kind < 5 && this.#committed > this.#base) return [this.#compact()];
    const entries = Array.from({ length: this.#random.below(4) }, () =>
      entry(++this.#last, this.#text()),
    );
    this.#committed += this.#random.below(this.#last - this.#committed + 1);
    return [...entries, committed(this.#committed)];
  }

  #compact(): StoreOperation {
    this.#base += 1 + this.#random.below(this.#committed - this.#base);
    const gone = [...this.#keys].filter(() => this.#random.below(4) === 0);
    for (const key of gone) this.#keys.delete(key);
    const puts = this.#items().filter(({ key }) => !gone.includes(String(key)));
    for (const { key } of puts) this.#keys.add(String(key));
    return compact(this.#base, puts, gone);
  }

  #install(): StoreOperation {
    this.#last += this.#random.below(5) + 1;
    this.#base = this.#last;
    this.#committed = this.#last;
    const items = this.#items();
    this.#keys.clear();
    for (const { key } of items) this.#keys.add(String(key));
    const isAside = this.#random.below(2) === 0;
    return install(this.#last, items, isAside ? surplus('0a', [this.#text(), 'x']) : null);
  }

  #items(): BaseItem[] {
    const keys = Array.from({ length: this.#random.below(30) }, () => this.#random.below(60));
    return [...new Set(keys)].map((key) => item(`key ${key}`, this.#text()));
  }

  #text(): string {
    return 'x'.repeat(this.#random.below(this.#random.below(10) === 0 ? 9000 : 200));
  }
}

test('a store on a disk holds what its model holds', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const asker = new Asker(random);
  const model = new MemoryStore(STORE_ID);
  const { path, remove } = temporary();
  try {
    for (let round = 0; round < 12; round++) {
      const store = await DiskStore.open(path);
      assert.deepEqual(all(store.contents), all(model.contents()));
      const outcomes = Array.from({ length: random.below(30) }, (_, index) => {
        const operations = asker.next();
        model.waiting.push({ token: index, operations });
        model.flush();
        return store.persist(...operations);
      });
      assert.ok((await Promise.all(outcomes)).every((outcome) => outcome === 'persisted'));
      await store.close();
    }
  } finally {
    remove();
  }
});
