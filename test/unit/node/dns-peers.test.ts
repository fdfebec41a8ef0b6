import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { DnsAnswers } from '../../../src/node/dns-answers.js';
import { type DnsPeersOptions, dnsPeers } from '../../../src/node/dns-peers.js';
import type { PeersFailed } from '../../../src/node/events.js';
import type { PeerOptions } from '../../../src/node/options.js';
import type { PeerWatch } from '../../../src/node/peer-source.js';
import type { DnsResolver, SrvRecord } from '../../../src/runtime/dns.js';
import { Cluster, type Member, PORT, words } from './cluster.js';
import { VirtualRuntime } from './virtual-runtime.js';

/** Answers from tables; a name that is not in them fails, as one with an Error does. */
class FakeDns implements DnsResolver {
  readonly srvs = new Map<string, readonly SrvRecord[] | Error>();
  readonly hosts = new Map<string, readonly string[] | Error>();
  readonly asked: string[] = [];
  pending = 0;
  mostPending = 0;

  async srv(name: string) {
    return this.#find(this.srvs, name);
  }

  async addresses(host: string, family: 4 | 6) {
    const all = await this.#find(this.hosts, host);
    return all.filter((address) => address.includes(':') === (family === 6));
  }

  async #find<T>(table: Map<string, T | Error>, name: string): Promise<T> {
    this.asked.push(name);
    this.pending += 1;
    this.mostPending = Math.max(this.mostPending, this.pending);
    await Promise.resolve();
    this.pending -= 1;
    const found = table.get(name);
    if (found === undefined || found instanceof Error) throw found ?? new Error(`no ${name}`);
    return found;
  }
}

const planes = [
  { name: 'a', address: '10.1.0.9' },
  { name: 'b', address: '10.2.0.9' },
];

/** What a source says on its own, without a node. */
function listen(options: DnsPeersOptions, runtime = new VirtualRuntime()) {
  const sets: (readonly PeerOptions[])[] = [];
  const errors: Error[] = [];
  const watch = dnsPeers(options).watch({
    runtime,
    planes,
    onPeers: (peers) => sets.push(peers),
    onFailed: (error) => errors.push(error),
  }) as PeerWatch;
  return { sets, errors, watch, runtime };
}

const at = (target: string, port = PORT): SrvRecord => ({ target, port });

test('one name: the targets are nodes, with the addresses of all planes', async () => {
  const dns = new FakeDns();
  dns.srvs.set('_backplane._sctp.x', [at('host2.x'), at('host1.x', 7)]);
  dns.hosts.set('host1.x', ['10.2.0.1', '10.1.0.1', 'fd00::1']);
  dns.hosts.set('host2.x', ['10.1.0.2']);
  const { sets, errors, runtime } = listen({ name: '_backplane._sctp.x', resolver: dns });
  await runtime.run(0);
  assert.deepEqual(sets, [
    [
      { name: 'node@host1', port: 7, addresses: ['10.1.0.1', '10.2.0.1'] },
      { name: 'node@host2', port: PORT, addresses: ['10.1.0.2'] },
    ],
  ]);
  assert.deepEqual(errors, []);
});

test('one name per plane: the targets of one node go together', async () => {
  const dns = new FakeDns();
  dns.srvs.set('srv.a', [at('n-0.a'), at('n-1.a')]);
  dns.srvs.set('srv.b', [at('n-1.b'), at('n-0.b')]);
  dns.hosts.set('n-0.a', ['10.1.0.1']);
  dns.hosts.set('n-0.b', ['10.2.0.1']);
  dns.hosts.set('n-1.a', ['10.1.0.2']);
  dns.hosts.set('n-1.b', ['10.2.0.2']);
  const name = { a: 'srv.a', b: 'srv.b' };
  const { sets, runtime } = listen({ name, node: 'web', resolver: dns });
  await runtime.run(0);
  assert.deepEqual(sets, [
    [
      { name: 'web@n-0', port: PORT, addresses: { a: '10.1.0.1', b: '10.2.0.1' } },
      { name: 'web@n-1', port: PORT, addresses: { a: '10.1.0.2', b: '10.2.0.2' } },
    ],
  ]);
});

test('a function may name the nodes, and leave targets out', async () => {
  const dns = new FakeDns();
  dns.srvs.set('srv', [at('one.host1.x'), at('printer.x'), at('.')]);
  dns.hosts.set('one.host1.x', ['10.1.0.1']);
  const nameOf = (target: string) =>
    target === 'printer.x' ? null : target.split('.').slice(0, 2).join('@');
  const { sets, errors, runtime } = listen({ name: 'srv', nameOf, resolver: dns });
  await runtime.run(0);
  assert.deepEqual(sets, [[{ name: 'one@host1', port: PORT, addresses: ['10.1.0.1'] }]]);
  assert.deepEqual(errors, []);
  assert.deepEqual(dns.asked, ['srv', 'one.host1.x']);
});

test('what fails stays as it was, and is asked for again soon, then less and less', async () => {
  const dns = new FakeDns();
  dns.srvs.set('srv', [at('h1'), at('h2')]);
  dns.hosts.set('h1', ['10.1.0.1']);
  dns.hosts.set('h2', ['10.1.0.2']);
  const options = { name: 'srv', refreshMs: 8000, resolver: dns };
  const { sets, errors, runtime } = listen(options);
  await runtime.run(0);
  const first = sets[0];

  dns.hosts.set('h1', ['10.1.0.11']);
  dns.hosts.set('h2', new Error('no answer'));
  await runtime.run(8000);
  assert.equal(errors.length, 1);
  assert.match(errors[0]!.message, /addresses of h2: no answer/);
  const mixed = [{ ...first![0], addresses: ['10.1.0.11'] }, first![1]];
  assert.deepEqual(sets.at(-1), mixed);

  dns.srvs.set('srv', new Error('no server'));
  const before = sets.length;
  await runtime.run(60_000);
  assert.deepEqual(sets.at(-1), mixed);
  // Pauses of 1, 2, 4, 8, 8 ... s, each up to a quarter shorter: in 60 s there are 8 to 12.
  const tries = sets.length - before;
  assert.ok(tries >= 8 && tries <= 12, `${tries} tries`);

  dns.srvs.set('srv', [at('h1')]);
  await runtime.run(8000);
  assert.deepEqual(sets.at(-1), [mixed[0]]);
  const told = errors.length;
  await runtime.run(60_000);
  assert.equal(errors.length, told);
});

test('a plane whose name fails keeps its addresses beside the new ones of the other', () => {
  const answers = new DnsAnswers(30_000);
  const node = (address: string) => [{ name: 'n@h', port: 1, addresses: [address] }];
  answers.step(
    [
      { plane: 'a', targets: node('10.1.0.1') },
      { plane: 'b', targets: node('10.2.0.1') },
    ],
    [],
  );
  answers.step(
    [
      { plane: 'a', targets: null },
      { plane: 'b', targets: node('10.2.0.2') },
    ],
    ['SRV a'],
  );
  const addresses = { a: '10.1.0.1', b: '10.2.0.2' };
  assert.deepEqual(answers.peers, [{ name: 'n@h', port: 1, addresses }]);
  answers.step([{ plane: 'b', targets: node('10.2.0.2') }], []);
  assert.deepEqual(answers.peers, [{ name: 'n@h', port: 1, addresses: { b: '10.2.0.2' } }]);
});

test('targets that contradict each other are told, and one of them counts', async () => {
  const dns = new FakeDns();
  dns.srvs.set('srv.a', [at('h1.x', 2), at('h1.y', 1), at('h2', 5), at('', 5), at('h4', 0)]);
  dns.srvs.set('srv.b', [at('h2', 6), at('_h', 5), at('h3')]);
  for (const host of ['h1.x', 'h1.y', 'h2']) dns.hosts.set(host, ['10.1.0.1']);
  dns.hosts.set('h3', []);
  const { sets, errors, runtime } = listen({ name: { a: 'srv.a', b: 'srv.b' }, resolver: dns });
  await runtime.run(0);
  assert.deepEqual(sets[0], [
    { name: 'node@h1', port: 1, addresses: { a: '10.1.0.1' } },
    { name: 'node@h2', port: 5, addresses: { a: '10.1.0.1' } },
  ]);
  const text = errors[0]!.message;
  for (const what of ['h1 is at ports', 'h2 is at ports 5 and 6', 'h3 has 0', 'h4 has port 0']) {
    assert.ok(text.includes(what), `${what} in: ${text}`);
  }
});

test('one target more than there may be is a failure; as many are asked for in turns', async () => {
  const dns = new FakeDns();
  const targets = Array.from({ length: limits.peers + 1 }, (_, i) => at(`h${i}`));
  for (const { target } of targets) dns.hosts.set(target, ['10.1.0.1']);
  dns.srvs.set('srv', targets.slice(1));
  const { sets, errors, runtime } = listen({ name: 'srv', resolver: dns });
  await runtime.run(0);
  assert.equal(sets[0]?.length, limits.peers);
  assert.equal(dns.mostPending, limits.dnsLookups);
  dns.srvs.set('srv', targets);
  await runtime.run(limits.dnsRefreshMs);
  assert.match(errors[0]!.message, new RegExp(`${limits.peers + 1} targets`));
  assert.equal(sets.at(-1)?.length, limits.peers);
});

test('a watch that is closed asks no more, also in the middle of a round', async () => {
  const dns = new FakeDns();
  dns.srvs.set('srv', []);
  const idle = listen({ name: 'srv', resolver: dns });
  await idle.runtime.run(0);
  idle.watch.close();
  const early = listen({ name: 'srv', resolver: dns });
  early.watch.close();
  const asked = dns.asked.length;
  for (const { runtime } of [idle, early]) await runtime.run(100_000);
  assert.equal(dns.asked.length, asked);
  assert.deepEqual([idle.sets.length, early.sets.length], [1, 0]);
});

test('answers of a resolver that are none are failures, and take nobody away', async () => {
  const dns = new FakeDns();
  dns.srvs.set('srv', [at('h1'), at('h2')]);
  dns.hosts.set('h1', ['10.1.0.1']);
  dns.hosts.set('h2', ['10.1.0.2']);
  let srv: unknown = null;
  let addresses: unknown = null;
  const resolver = {
    srv: (name: string) => srv ?? dns.srv(name),
    addresses: (host: string, family: 4 | 6) =>
      host === 'h1' && addresses !== null ? addresses : dns.addresses(host, family),
  } as DnsResolver;
  const { sets, errors, runtime } = listen({ name: 'srv', refreshMs: 1000, resolver });
  await runtime.run(0);
  const noRecords = ['x', {}, 5, [null], [{ target: 'h1' }], [{ target: 5, port: 1 }]];
  for (srv of [...noRecords, [{ target: 'h1', port: '1' }], [at('h1', 65_536)]]) {
    const before = errors.length;
    await runtime.run(1000);
    assert.ok(errors.length > before, JSON.stringify(srv));
    assert.match(errors.at(-1)!.message, /SRV srv: the resolver gave no list of { target, port }/);
    assert.deepEqual(sets.at(-1), sets[0]);
  }
  srv = null;
  for (addresses of ['10.1.0.1', {}, [5], [null], ['h1'], [{ address: '10.1.0.1' }]]) {
    const before = errors.length;
    await runtime.run(1000);
    assert.ok(errors.length > before, JSON.stringify(addresses));
    assert.match(errors.at(-1)!.message, /addresses of h1: the resolver gave no list of IP add/);
    assert.deepEqual(sets.at(-1), sets[0]);
  }
});

test('bad options are refused', () => {
  const bad: unknown[] = [
    {},
    { name: '' },
    { name: {} },
    { name: { a: 1 } },
    { name: 'srv', node: 'a b' },
    { name: 'srv', nameOf: 'x' },
    { name: 'srv', refreshMs: limits.dnsRefreshMinMs - 1 },
    { name: 'srv', servers: ['no address'] },
    { name: 'srv', resolver: null },
    { name: 'srv', resolver: {} },
    { name: 'srv', resolver: { resolveSrv() {}, resolve4() {} } },
    undefined,
  ];
  for (const options of bad) {
    assert.throws(() => dnsPeers(options as DnsPeersOptions), { code: 'ERR_ARGUMENT' });
  }
});

const failures = ({ diary }: Member) =>
  diary.filter(([name]) => name === 'peersFailed').map(([, event]) => event as PeersFailed);

test('nodes find each other by SRV records, each with its addresses on both planes', async () => {
  const cluster = new Cluster();
  const dns = new FakeDns();
  dns.srvs.set('srv', [at('host1'), at('host2')]);
  dns.hosts.set('host1', ['10.1.0.1', '10.2.0.1']);
  dns.hosts.set('host2', ['10.1.0.2', '10.2.0.2']);
  const peerSources = [dnsPeers({ name: 'srv', resolver: dns })];
  const one = await cluster.start('node', 1, { peerSources });
  const two = await cluster.start('node', 2, { peerSources });
  await cluster.run(5000);
  for (const { node, diary } of [one, two]) {
    assert.deepEqual(words(diary, 'nodeup', 'nodedown', 'peersFailed'), ['nodeup']);
    assert.deepEqual(
      node.paths(node.nodes[0]!.name).map(({ plane }) => plane),
      ['a', 'b'],
    );
  }
  for (const { node } of [one, two]) await cluster.until(node.close());
  assert.equal(cluster.runtime.waiting, 0);
});

test('a name for a plane the node is not on is a failure', async () => {
  const cluster = new Cluster();
  const peerSources = [dnsPeers({ name: { c: 'srv' }, resolver: new FakeDns() })];
  const one = await cluster.start('one', 1, { peerSources: [] });
  one.node.followPeers(peerSources[0]!);
  assert.match(failures(one)[0]!.error.message, /no plane c/);
});
