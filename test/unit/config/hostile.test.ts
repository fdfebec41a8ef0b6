import assert from 'node:assert/strict';
import test from 'node:test';
import { makeEntry, ORIGIN } from '../../../src/config/entry.js';
import { encodeRecord } from '../../../src/config/epoch-record.js';
import { type Message, messageBody } from '../../../src/config/messages.js';
import { Replica } from '../../../src/config/replica.js';
import type { ReplicaInput, ReplicaOutput } from '../../../src/config/replica-io.js';
import { loadState } from '../../../src/config/state.js';
import { limits } from '../../../src/limits.js';
import { Cluster, idOf, write } from './cluster.js';

const A = 'a@h1';
const B = 'b@h2';
const S = 's@h4';
const hash = '5'.repeat(64);

/** The machine of B in a cluster of two, and A as whoever plays it. */
class Victim {
  readonly cluster = new Cluster([A, B]);
  readonly machine: Replica;
  outputs: ReplicaOutput[] = [];

  constructor() {
    this.cluster.bootstrap(A, B);
    const { store } = this.cluster.node(B);
    this.machine = new Replica(0, {
      name: B,
      instance: idOf('victim'),
      masters: [A, B],
      loadMs: 5000,
      contents: store.contents(),
      load: loadState,
    });
    this.step({ type: 'up', name: A });
  }

  step(input: ReplicaInput): void {
    this.machine.step(0, input);
    for (let out = this.machine.poll(); out; out = this.machine.poll()) this.outputs.push(out);
  }

  hear(message: Message): void {
    this.step({ type: 'message', name: A, body: messageBody(message) });
  }

  /** A says hello as it is. */
  greet(): void {
    const { record, last } = this.cluster.node(A).status;
    this.hear({
      type: 'hello',
      from: idOf('attacker'),
      to: idOf('victim'),
      storeId: this.cluster.node(A).store.storeId,
      record,
      last,
      committed: last,
      canStore: true,
      isSlave: false,
      isClient: false,
    });
  }

  get refused(): boolean {
    return this.outputs.some(({ type }) => type === 'refuse');
  }
}

test('a peer that breaks the protocol is refused, and listened to no more', () => {
  const garbage: unknown[] = [null, 'x', [], [1], [99, 1], [4, 1, 1, [Buffer.from('no entry')]]];
  for (const body of garbage) {
    const victim = new Victim();
    victim.greet();
    assert.equal(victim.machine.status().source, A);
    victim.step({ type: 'message', name: A, body });
    assert.equal(victim.refused, true, JSON.stringify(body));
    assert.equal(victim.machine.status().source, null);
    victim.outputs = [];
    victim.greet();
    assert.deepEqual(victim.outputs, []);
    victim.step({ type: 'down', name: A });
    victim.step({ type: 'up', name: A });
    victim.greet();
    assert.equal(victim.machine.status().source, A);
  }
});

test('what cannot follow the log, or is not asked for, changes nothing', () => {
  const body = Buffer.from('x');
  const fields = { kind: 'transaction', epoch: 1, requestId: idOf('r'), body } as const;
  const base = { revision: 9, hash, record: Buffer.from('no record') };
  const wrong: Message[] = [
    { type: 'entries', ticket: 1, committed: 9, entries: [makeEntry(ORIGIN, fields).bytes] },
    { type: 'snapshot', ticket: 1, base },
    { type: 'piece', ticket: 1, items: [], digest: null },
  ];
  for (const message of wrong) {
    const victim = new Victim();
    victim.greet();
    victim.hear(message);
    assert.equal(victim.refused, true, message.type);
    assert.equal(victim.machine.status().last.revision, 1);
  }
  // Of a feed that is over, nothing is taken; and nothing at all before a hello.
  const late = new Victim();
  late.hear({ type: 'freeze', isFrozen: true });
  late.greet();
  late.hear({ type: 'entries', ticket: 0, committed: 9, entries: [Buffer.from('x')] });
  late.hear({ type: 'taken', ticket: 7, messages: 99, stored: 99 });
  late.hear({ type: 'confirmed', round: 3, isFollowing: true });
  late.hear({
    type: 'answer',
    id: 3,
    answer: { type: 'error', code: 'ERR_REPLICAS', message: '' },
  });
  assert.equal(late.refused, false);
  assert.equal(late.machine.status().last.revision, 1);
});

test('a follower that acknowledges more than it was sent is refused', () => {
  for (const more of [
    { messages: 99, stored: 0 },
    { messages: 0, stored: 99 },
  ]) {
    const victim = new Victim();
    victim.greet();
    const { last, record } = victim.cluster.node(A).status;
    const lineage = record?.lineage ?? null;
    victim.hear({ type: 'follow', ticket: 1, at: last, committed: last, lineage });
    victim.hear({ type: 'taken', ticket: 1, ...more });
    assert.equal(victim.refused, true);
  }
});

test('a follower that acknowledges nothing is sent no more than its window', () => {
  const cluster = new Cluster([A], [S]);
  cluster.bootstrap(A);
  cluster.start(S);
  cluster.run();
  cluster.node(S).isSlow = true;
  const value = 'x'.repeat(200_000);
  for (let count = 0; count < 60; count++) {
    cluster.ask(A, write({ write: [{ put: 'cluster/x', value }] }));
    cluster.run();
  }
  const { last } = cluster.node(S).status;
  const got = last.revision * value.length;
  assert.ok(got > limits.configFeedBytes && got < 2 * limits.configFeedBytes, `${got}`);
  assert.equal(cluster.node(A).status.committed, 61);
  cluster.node(S).isSlow = false;
  cluster.run();
  assert.equal(cluster.node(S).status.committed, 61);
});

test('a request goes in no circle', () => {
  const victim = new Victim();
  victim.greet();
  victim.step({ type: 'up', name: S });
  const hello = {
    type: 'hello',
    from: idOf('slave'),
    to: idOf('victim'),
    storeId: idOf('store s'),
    record: null,
    last: ORIGIN,
    committed: ORIGIN,
    canStore: true,
    isSlave: true,
    isClient: false,
  } as const;
  victim.step({ type: 'message', name: S, body: messageBody(hello) });
  const sentTo = (hops: number) => {
    victim.outputs = [];
    const request = write({ write: [{ put: 'cluster/x', value: 1 }] });
    const writer = { name: S, isClient: false };
    const message = { type: 'request', id: 1, request, writer, waitMs: 100, hops } as const;
    victim.step({ type: 'message', name: S, body: messageBody(message) });
    return victim.outputs.map((out) => out.type === 'send' && `${out.to} ${out.message.type}`);
  };
  assert.deepEqual(sentTo(limits.configHops - 1), [`${A} request`]);
  assert.deepEqual(sentTo(limits.configHops), [`${S} answer`]);
});

test('a command that cannot be written down is a bad argument', () => {
  const cluster = new Cluster([A]);
  cluster.start(A);
  const by = 'x'.repeat(limits.configCauseCharacters + 1);
  const command = {
    type: 'bootstrap',
    masters: [A],
    clusterId: idOf('c'),
    lineage: idOf('L'),
    requestId: idOf('r'),
    by,
    atMs: 1,
  } as const;
  for (const wrong of [command, { ...command, by: 'me', masters: ['nobody'] }]) {
    const answer = cluster.get(A, wrong);
    assert.ok(answer?.type === 'error' && answer.code === 'ERR_ARGUMENT');
  }
});

test('a snapshot without an end is refused when it is larger than any state', () => {
  const victim = new Victim();
  victim.greet();
  const { last, record } = victim.cluster.node(A).status;
  const base = { revision: 9, hash: last.hash, record: Buffer.from(encodeRecord(record!)) };
  victim.hear({ type: 'snapshot', ticket: 1, base });
  const value = Buffer.alloc(limits.configEntryBytes);
  const items = new Array(64).fill({ key: Buffer.from('tcluster/x'), value });
  let pieces = 0;
  for (; !victim.refused; pieces++) victim.hear({ type: 'piece', ticket: 1, items, digest: null });
  const bytes = pieces * items.length * value.length;
  assert.ok(bytes >= limits.configStateBytes && bytes < 1.3 * limits.configStateBytes);
});
