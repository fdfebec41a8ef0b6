import assert from 'node:assert/strict';
import test from 'node:test';
import { makeEntry, ORIGIN } from '../../../src/config/entry.js';
import type { Writer } from '../../../src/config/rights.js';
import { ConfigState } from '../../../src/config/state.js';
import {
  checkTransaction,
  encodeTransaction,
  type Transaction,
  type Write,
} from '../../../src/config/transaction.js';
import { limits } from '../../../src/limits.js';
import { idOf } from './cluster.js';

const WORKER: Writer = { name: 'w@h1', isClient: true };
const SLAVE: Writer = { name: 's@h1', isClient: false };
const OWN = 'hosts/h1/nodes/w';

/** A state in which a master has written. */
class Tree {
  readonly state = new ConfigState();
  #last = ORIGIN;

  /** What becomes of it: the code, or null when it is written. */
  write(writer: Writer | null, transaction: Transaction): string | null {
    const encoded = encodeTransaction(checkTransaction(transaction));
    const proposal = this.state.propose(encoded, writer);
    if (proposal.type !== 'entry') {
      return proposal.type === 'refused' ? proposal.error.code : proposal.type;
    }
    const requestId = idOf(`${this.#last.revision}`);
    const fields = { kind: 'transaction', epoch: 1, requestId, body: proposal.body } as const;
    const entry = makeEntry(this.#last, fields);
    this.state.apply(entry);
    this.#last = entry;
    return null;
  }

  grant(name: string, prefixes: unknown): string | null {
    return this.write(null, { write: [{ put: `cluster/rights/${name}`, value: prefixes }] });
  }

  /** What becomes of one operation of a writer. */
  try(writer: Writer | null, ...write: Write[]): string | null {
    return this.write(writer, { write });
  }
}

const put = (key: string): Write => ({ put: key, value: 1 });

test('a client writes what belongs to itself, and nothing else', () => {
  const tree = new Tree();
  for (const write of [
    put(`${OWN}/state`),
    put(`${OWN}/a/b/c`),
    { delete: `${OWN}/state` },
    { deletePrefix: OWN },
    { deletePrefix: `${OWN}/a` },
  ]) {
    assert.equal(tree.try(WORKER, write), null, JSON.stringify(write));
  }
  for (const write of [
    put('cluster/x'),
    put('hosts/h1/x'),
    put('hosts/h1/nodes/w2/x'),
    put('hosts/h1/node-defaults/x'),
    put('hosts/h2/nodes/w/x'),
    put('cluster/rights/w@h1'),
    { delete: 'cluster/x' },
    { deletePrefix: 'hosts/h1/nodes' },
    { deletePrefix: 'hosts' },
  ]) {
    assert.equal(tree.try(WORKER, write), 'ERR_FORBIDDEN', JSON.stringify(write));
  }
});

test('one operation that may not be forbids the whole transaction, and names its key', () => {
  const tree = new Tree();
  const write = [put(`${OWN}/x`), put('hosts/h1/rack')];
  const encoded = encodeTransaction(checkTransaction({ write }));
  const proposal = tree.state.propose(encoded, WORKER);
  assert.ok(proposal.type === 'refused');
  const { code, message, key } = proposal.error as { code: string; message: string; key?: string };
  assert.deepEqual(
    [code, message, key],
    ['ERR_FORBIDDEN', 'w@h1 may not write hosts/h1/rack', 'hosts/h1/rack'],
  );
  assert.equal(tree.state.revision, 0);
});

test('what may not be is refused before its conditions are looked at; all may be compared', () => {
  const tree = new Tree();
  const compare = [{ key: 'cluster/x', exists: true }];
  const transaction = (key: string) => ({ compare, write: [put(key)] });
  assert.equal(tree.write(WORKER, transaction('cluster/x')), 'ERR_FORBIDDEN');
  assert.equal(tree.write(WORKER, transaction(`${OWN}/x`)), 'failed');
});

test('a grant holds from the revision that wrote it until the one that takes it away', () => {
  const tree = new Tree();
  assert.equal(tree.grant('w@h1', ['cluster/jobs', 'hosts/h1/rack']), null);
  assert.equal(tree.try(WORKER, put('cluster/jobs/7'), put('hosts/h1/rack')), null);
  assert.equal(tree.try(WORKER, put(`${OWN}/x`)), null);
  assert.equal(tree.try(WORKER, put('cluster/jobsworth')), 'ERR_FORBIDDEN');
  assert.equal(tree.try({ name: 'v@h1', isClient: true }, put('cluster/jobs/7')), 'ERR_FORBIDDEN');
  assert.equal(tree.try(null, { delete: 'cluster/rights/w@h1' }), null);
  assert.equal(tree.try(WORKER, put('cluster/jobs/7')), 'ERR_FORBIDDEN');
});

test('no grant is so wide that one who is bound changes rights', () => {
  for (const wide of ['', 'cluster', 'cluster/rights', 'cluster/rights/w@h1']) {
    const tree = new Tree();
    assert.equal(tree.grant('w@h1', [wide]), null);
    const more = { put: 'cluster/rights/w@h1', value: ['', 'hosts'] };
    assert.equal(tree.try(WORKER, more), 'ERR_FORBIDDEN', wide);
    assert.equal(tree.try(WORKER, { delete: 'cluster/rights/w@h1' }), 'ERR_FORBIDDEN');
    assert.equal(tree.try(WORKER, { deletePrefix: 'cluster' }), 'ERR_FORBIDDEN');
    assert.equal(tree.try(WORKER, { deletePrefix: 'cluster/rights' }), 'ERR_FORBIDDEN');
  }
  const tree = new Tree();
  tree.grant('w@h1', ['']);
  assert.equal(tree.try(WORKER, put('cluster/x'), put('hosts/h9/x')), null);
});

test('a slave writes everything until the tree names it; a master always does', () => {
  const tree = new Tree();
  assert.equal(tree.try(SLAVE, put('cluster/x')), null);
  assert.equal(tree.state.isBound(SLAVE), false);
  assert.equal(tree.grant('s@h1', []), null);
  assert.equal(tree.state.isBound(SLAVE), true);
  assert.equal(tree.try(SLAVE, put('cluster/x')), 'ERR_FORBIDDEN');
  assert.equal(tree.try(SLAVE, put('hosts/h1/nodes/s/x')), null);
  assert.equal(tree.try(null, put('cluster/x')), null);
});

test('rights are a bounded list of prefixes, below the name of a node', () => {
  const tree = new Tree();
  const most = Array.from({ length: limits.configGrants }, (_, at) => `cluster/${at}`);
  assert.equal(tree.grant('w@h1', most), null);
  for (const wrong of [[...most, 'cluster/x'], 'cluster', 1n, [1n], [null], ['/'], ['a//b'], {}]) {
    assert.equal(tree.grant('w@h1', wrong), 'ERR_SCHEMA');
  }
  for (const name of ['w', 'w@h1/more', '@h1', 'w@']) {
    assert.equal(tree.grant(name, []), 'ERR_SCHEMA', name);
  }
  // The name of the place itself is a key, too.
  assert.equal(tree.try(null, { put: 'cluster/rights', value: [] }), 'ERR_SCHEMA');
});
