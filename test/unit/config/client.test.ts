import assert from 'node:assert/strict';
import test from 'node:test';
import { type Message, messageBody } from '../../../src/config/messages.js';
import type { Request } from '../../../src/config/replica-io.js';
import type { Writer } from '../../../src/config/rights.js';
import { limits } from '../../../src/limits.js';
import { Cluster, commanded, idOf, LOAD_MS, put } from './cluster.js';
import { ConfigCluster, MASTERS } from './config-nodes.js';

const A = 'a@h1';
const B = 'b@h2';
const S = 's@h4';
const W = 'w@h4';
const OWN = 'hosts/h4/nodes/w';

const fresh = { type: 'read', isFresh: true, seen: null } as const;

/** Two masters, a slave, and a client of the slave that has links with all of them. */
function withClient(): Cluster {
  const cluster = new Cluster([A, B], [S]);
  cluster.client(W, S);
  cluster.bootstrap(A, B);
  cluster.start(S, W);
  cluster.run();
  return cluster;
}

const codeOf = (cluster: Cluster, name: string, request: Request) => {
  const answer = cluster.get(name, request);
  return answer?.type === 'error' ? answer.code : answer?.type;
};

test('a client reads from the slave of its host, whoever else it has a link with', () => {
  const cluster = withClient();
  cluster.put(A, 'cluster/x', 1);
  const { role, source, isReadable, isDown } = cluster.node(W).status;
  assert.deepEqual([role, source, isReadable, isDown], ['client', S, true, false]);
  assert.equal(cluster.node(W).value('cluster/x'), 1);
  assert.deepEqual(cluster.node(W).shown, [1, 2]);
  assert.deepEqual(cluster.node(S).status.clients, [W]);
  assert.deepEqual(cluster.node(A).status.slaves, [S]);
  assert.deepEqual(cluster.node(A).status.clients, []);
  assert.deepEqual(codeOf(cluster, W, fresh), 'read');
});

test('a client may read from a master of its host', () => {
  const cluster = new Cluster([A, B]);
  cluster.client('w@h1', A);
  cluster.bootstrap(A, B);
  cluster.start('w@h1');
  cluster.put(B, 'cluster/x', 1);
  assert.equal(cluster.node('w@h1').status.source, A);
  assert.equal(cluster.node('w@h1').value('cluster/x'), 1);
  assert.deepEqual(cluster.node(A).status.clients, ['w@h1']);
  assert.equal(codeOf(cluster, 'w@h1', put('hosts/h1/nodes/w/x', 1)), 'committed');
});

test('while its host is away a client reads what it has, and goes on where it was', () => {
  const cluster = withClient();
  cluster.put(A, 'cluster/x', 1);
  cluster.cut(W, S);
  assert.equal(cluster.node(W).status.isDown, true);
  cluster.put(A, 'cluster/x', 2);
  assert.equal(cluster.node(W).value('cluster/x'), 1);
  assert.equal(codeOf(cluster, W, put(`${OWN}/x`, 1)), 'ERR_REPLICAS');
  assert.equal(codeOf(cluster, W, fresh), 'ERR_REPLICAS');
  cluster.page();
  cluster.link(W, S);
  cluster.run();
  assert.ok(cluster.page().includes('w -> s  follow from 2'));
  assert.equal(cluster.node(W).status.isDown, false);
  assert.deepEqual(cluster.node(W).shown, [1, 2, 3]);
  assert.equal(codeOf(cluster, W, put(`${OWN}/x`, 1)), 'committed');
});

test('a write of which a client hears no more may be written', () => {
  const cluster = withClient();
  cluster.node(B).isSlow = true;
  const id = cluster.ask(W, put(`${OWN}/x`, 1));
  cluster.run();
  cluster.cut(W, S);
  const answer = cluster.answer(W, id);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_OUTCOME_UNKNOWN');
});

test('a client does not go back with a host that comes back with less', () => {
  const cluster = withClient();
  cluster.put(A, 'cluster/x', 1);
  cluster.wait(limits.configSlaveNoteMs);
  cluster.node(S).isSlow = true;
  cluster.put(A, 'cluster/x', 2);
  assert.equal(cluster.node(W).value('cluster/x'), 2);
  cluster.kill(S);
  cluster.node(S).isSlow = false;
  cluster.start(S);
  cluster.cut(S, A);
  cluster.cut(S, B);
  cluster.wait(LOAD_MS);
  assert.equal(cluster.node(S).value('cluster/x'), 1);
  assert.equal(cluster.node(W).value('cluster/x'), 2);
  cluster.link(S, A);
  cluster.link(S, B);
  cluster.put(A, 'cluster/x', 3);
  assert.equal(cluster.node(W).value('cluster/x'), 3);
  assert.deepEqual(cluster.node(W).shown, [1, 2, 3, 4]);
});

test('a host tells its clients nothing that may not be read there yet', () => {
  const cluster = withClient();
  cluster.wait(limits.configSlaveNoteMs);
  cluster.kill(S);
  cluster.kill(A);
  cluster.kill(B);
  cluster.kill(W);
  cluster.start(S, W);
  cluster.wait(LOAD_MS - 1);
  assert.equal(cluster.node(S).status.isReadable, false);
  assert.equal(cluster.node(W).status.isReadable, false);
  cluster.wait(1);
  assert.equal(cluster.node(W).status.isReadable, true);
});

test('a client begins anew each time, and is the follower of nobody', () => {
  const cluster = withClient();
  cluster.client('v@h4', W);
  cluster.start('v@h4');
  cluster.put(A, 'cluster/x', 1);
  assert.equal(cluster.node('v@h4').status.source, null);
  assert.equal(cluster.node('v@h4').status.isReadable, false);
  cluster.kill(W);
  cluster.start(W);
  cluster.run();
  assert.deepEqual(cluster.node(W).shown, [2]);
});

test('a client is bound to its rights, by whatever way its writes come', () => {
  const cluster = withClient();
  assert.equal(codeOf(cluster, W, put(`${OWN}/x`, 1)), 'committed');
  assert.equal(codeOf(cluster, W, put('cluster/x', 1)), 'ERR_FORBIDDEN');
  assert.equal(codeOf(cluster, S, put('cluster/rights/w@h4', ['cluster/x'])), 'committed');
  assert.equal(codeOf(cluster, W, put('cluster/x', 1)), 'committed');
  // By a slave, a master, and the sequencer.
  cluster.cut(S, A);
  cluster.run();
  assert.equal(cluster.node(S).status.source, B);
  assert.equal(codeOf(cluster, W, put('cluster/x', 2)), 'committed');
  assert.equal(codeOf(cluster, W, put('cluster/y', 2)), 'ERR_FORBIDDEN');
  assert.equal(codeOf(cluster, W, commanded({ type: 'remove', name: B })), 'ERR_FORBIDDEN');
  assert.equal(codeOf(cluster, S, put('cluster/y', 2)), 'committed');
});

/** What the sequencer answers a peer that says something by itself. */
function answersTo(cluster: Cluster, from: string, message: Message): string[] {
  cluster.page();
  cluster.step(A, { type: 'message', name: from, body: messageBody(message) });
  cluster.run();
  const start = `a -> ${from.split('@')[0]}  answer `;
  const lines = cluster.page().filter((line) => line.startsWith(start));
  return lines.map((line) => line.slice(start.length));
}

function asked(request: Request, writer: Writer): Message {
  return { type: 'request', id: 99, request, writer, waitMs: 1000, hops: 1 };
}

test('hostile: nobody writes in the name of another', () => {
  const cluster = withClient();
  const { last } = cluster.node(A).status;
  const anything = put('cluster/x', 'stolen');
  const claims: [string, Writer][] = [
    // A client, met by the sequencer itself, is everybody but itself.
    [W, { name: A, isClient: false }],
    [W, { name: S, isClient: false }],
    [W, { name: 'v@h4', isClient: true }],
    [W, { name: W, isClient: false }],
    // A slave is a master, a slave of another host, a client of another host, its own client.
    [S, { name: A, isClient: false }],
    [S, { name: 't@h5', isClient: false }],
    [S, { name: 'w@h5', isClient: true }],
    [S, { name: W, isClient: false }],
  ];
  greet(cluster, { isClient: true });
  for (const [from, writer] of claims) {
    const told = `${from} as ${writer.name}`;
    assert.deepEqual(answersTo(cluster, from, asked(anything, writer)), ['ERR_FORBIDDEN'], told);
  }
  assert.deepEqual(cluster.node(A).status.last, last);
  // What a slave may do for itself, and for its client.
  const own = asked(put(`${OWN}/x`, 1), { name: W, isClient: true });
  assert.deepEqual(answersTo(cluster, S, own), ['committed 2']);
  const slaves = asked(put('cluster/x', 1), { name: S, isClient: true });
  assert.deepEqual(answersTo(cluster, S, slaves), ['committed 3']);
});

test('what a master no more passes on is appended nowhere, and its reads are answered', () => {
  const cluster = withClient();
  const { last } = cluster.node(A).status;
  const writer = { name: S, isClient: false };
  greet(cluster, { isClient: false, isSlave: false });
  const write = asked(put('cluster/x', 1), writer);
  assert.deepEqual(answersTo(cluster, W, write), ['ERR_REPLICAS']);
  greet(cluster, { isClient: false, isSlave: false });
  assert.deepEqual(answersTo(cluster, W, asked(fresh, writer)), ['read 1']);
  assert.deepEqual(cluster.node(A).status.last, last);
});

/** The client says hello to the sequencer, as whatever it likes. */
function greet(cluster: Cluster, as: { isClient: boolean; isSlave?: boolean }): void {
  const { isClient, isSlave = true } = as;
  const { record, last } = cluster.node(A).status;
  const hello = {
    type: 'hello',
    from: idOf(`attacker ${isClient} ${isSlave}`),
    to: idOf('a@h1 1'),
    storeId: idOf('s'),
    record,
    last,
    committed: last,
    canStore: true,
    isSlave,
    isClient,
  } as const;
  cluster.step(A, { type: 'message', name: W, body: messageBody(hello) });
}

test('hostile: one that the tree names keeps to its rights, whatever it says it is', () => {
  const cluster = withClient();
  cluster.put(A, 'cluster/rights/w@h4', ['cluster/jobs']);
  const asSlave = (request: Request) => {
    greet(cluster, { isClient: false });
    return answersTo(cluster, W, asked(request, { name: W, isClient: false }));
  };
  assert.deepEqual(asSlave(put('cluster/x', 1)), ['ERR_FORBIDDEN']);
  assert.deepEqual(asSlave(put('cluster/rights/w@h4', [''])), ['ERR_FORBIDDEN']);
  assert.deepEqual(asSlave(commanded({ type: 'remove', name: B })), ['ERR_FORBIDDEN']);
  assert.deepEqual(asSlave(put('cluster/jobs/1', 1)), ['committed 3']);
});

test('hostile: what is commanded at a node itself is not done for a peer', () => {
  const cluster = withClient();
  const requests = [
    commanded({ type: 'force', lineage: idOf('L9') }),
    commanded({ type: 'forget' }),
    commanded({ type: 'bootstrap', masters: [S], clusterId: idOf('c'), lineage: idOf('L9') }),
  ];
  for (const request of requests) {
    const message = asked(request, { name: S, isClient: false });
    assert.deepEqual(answersTo(cluster, S, message), ['ERR_FORBIDDEN'], request.type);
  }
});

test('hostile: what a client says of a log commits nothing', () => {
  const cluster = withClient();
  cluster.node(B).isSlow = true;
  cluster.ask(A, put('cluster/x', 1));
  cluster.run();
  assert.equal(cluster.node(A).status.committed, 1);
  // It knows the end of the log, and says that all of it is committed.
  greet(cluster, { isClient: true });
  const { last } = cluster.node(A).status;
  const lineage = idOf('L1');
  const follow = { type: 'follow', ticket: 1, at: last, committed: last, lineage } as const;
  cluster.step(A, { type: 'message', name: W, body: messageBody(follow) });
  assert.deepEqual([last.revision, cluster.node(A).status.committed], [2, 1]);
});

test('nodes: a client reads, watches, writes by its host, after an outage too', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one] = await cluster.boot([...MASTERS, 'three@h3']);
  const worker = await cluster.start('worker@h3', { store: null, masters: ['three@h3'] });
  const { config } = worker;
  await cluster.when(() => config.view !== null);
  assert.equal(config.status.role, 'client');
  assert.equal(cluster.disks.stores.size, 3);
  const seen: number[] = [];
  config.watch('cluster', {
    after: 1,
    onEvent: (event) => event.type === 'changes' && seen.push(event.revision),
  });
  const written = await cluster.until(config.put('hosts/h3/nodes/worker/state', 'ready'));
  const view = await cluster.until(one!.config.read({ seen: written }));
  assert.equal(view.get('hosts/h3/nodes/worker/state')?.value, 'ready');
  await assert.rejects(cluster.until(config.put('cluster/a', 0)), {
    code: 'ERR_FORBIDDEN',
    message: 'worker@h3 may not write cluster/a',
  });
  await cluster.until(one!.config.put('cluster/a', 1));
  await cluster.when(() => config.view?.get('cluster/a')?.value === 1);
  cluster.kill('three@h3');
  await cluster.when(() => worker.diary.includes('down'));
  await assert.rejects(cluster.until(config.put('hosts/h3/nodes/worker/state', 'x')), {
    code: 'ERR_REPLICAS',
  });
  assert.equal((await cluster.until(config.get('cluster/a')))?.value, 1);
  for (let value = 2; value < 5; value++) await cluster.until(one!.config.put('cluster/a', value));
  await cluster.start('three@h3');
  await cluster.when(() => config.view?.get('cluster/a')?.value === 4);
  assert.deepEqual(seen, [3, 4, 5, 6]);
  assert.ok(!worker.diary.includes('replaced'));
  assert.ok(worker.diary.includes('up'));
  await cluster.until(config.close());
});

test('nodes: without a store, only the host is read from', async (context) => {
  const cluster = new ConfigCluster(context);
  const wrong = [
    { masters: ['one@h1'] },
    { masters: ['worker@h3'] },
    { masters: ['three@h3'], canBeMaster: true },
    { store: '', masters: ['three@h3'] },
  ];
  const node = await cluster.network.node('worker@h3');
  for (const options of wrong) {
    await assert.rejects(cluster.open(node, { store: null, ...options }), { code: 'ERR_ARGUMENT' });
  }
  await cluster.open(node, { store: null, masters: ['three@h3'], canBeMaster: false });
});
