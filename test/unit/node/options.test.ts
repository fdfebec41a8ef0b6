import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { checkDeadlineMs, checkPeer, resolveOptions } from '../../../src/node/options.js';
import { checkProfile } from '../../../src/timing/check.js';
import { SWITCHOVER_OFF } from '../../../src/timing/profiles.js';
import { Cluster, PORT } from './cluster.js';

const machine = { hostName: 'here', addresses: [{ address: '10.1.0.1', prefixBits: 24 }] };
const key = Buffer.alloc(32, 1);
const good = { name: 'one', planes: ['10.1.0.1'], key };
const resolve = (options: unknown) => resolveOptions(options as never, machine);

test('what is left out has its default', async () => {
  const options = await resolve(good);
  assert.equal(options.name, 'one@here');
  assert.equal(options.port, PORT);
  assert.equal(options.profile.name, 'lan');
  assert.equal(options.label, 'backplane');
  assert.deepEqual(options.keyRing.keys, [key]);
  assert.deepEqual(options.peers, []);
  assert.equal(options.steering, 'off');
  assert.equal(options.switchover, 'return');
});

test('every option is checked', async () => {
  const bad: [unknown, string][] = [
    [null, 'ERR_ARGUMENT'],
    [{ ...good, name: 1 }, 'ERR_ARGUMENT'],
    [{ ...good, port: 65536 }, 'ERR_ARGUMENT'],
    [{ ...good, port: '24100' }, 'ERR_ARGUMENT'],
    [{ ...good, planes: undefined }, 'ERR_ARGUMENT'],
    [{ ...good, planes: ['10.1.0.2'] }, 'ERR_ADDRESS_NOT_LOCAL'],
    [{ ...good, label: 7 }, 'ERR_ARGUMENT'],
    [{ ...good, profile: 'fast' }, 'ERR_PROFILE_INVALID'],
    [{ ...good, profile: { sackDelayMs: 200 } }, 'ERR_PROFILE_INVALID'],
    [{ ...good, key: undefined }, 'ERR_ARGUMENT'],
    [{ ...good, keyFile: '/k' }, 'ERR_ARGUMENT'],
    [{ ...good, key: 'secret' }, 'ERR_ARGUMENT'],
    [{ ...good, key: [] }, 'ERR_ARGUMENT'],
    [{ ...good, key: Array(limits.keys + 1).fill(key) }, 'ERR_ARGUMENT'],
    [{ ...good, key: Buffer.alloc(31) }, 'ERR_KEY_SHORT'],
    [{ ...good, key: [key, Buffer.alloc(31)] }, 'ERR_KEY_SHORT'],
    [{ ...good, key: undefined, keyFile: 7 }, 'ERR_ARGUMENT'],
    [{ ...good, key: undefined, keyFile: '/there/is/none' }, 'ERR_KEY_FILE'],
    [{ ...good, steering: true }, 'ERR_ARGUMENT'],
    [{ ...good, switchover: 'back' }, 'ERR_ARGUMENT'],
    [{ ...good, peers: {} }, 'ERR_ARGUMENT'],
    [{ ...good, peers: [{ name: 'two' }] }, 'ERR_ARGUMENT'],
    [5, 'ERR_ARGUMENT'],
  ];
  for (const [options, code] of bad) {
    await assert.rejects(resolve(options), { code }, JSON.stringify(options));
  }
});

test('an option there is none of, and peers that contradict themselves, are named', async () => {
  const two = { name: 'two@b', addresses: ['10.1.0.2'] };
  const far = { name: 'two@b', addresses: { a: '10.1.0.2', c: '10.3.0.2' } };
  const cases: [object, RegExp][] = [
    [{ ...good, plane: ['10.1.0.1'] }, /there is no option plane; there are name, planes, /],
    [{ ...good, peers: [two, two] }, /two@b stands there twice/],
    [{ ...good, peers: [far] }, /there is no plane c, but a/],
    [{ ...good, peers: [{ ...two, name: 'two' }] }, /full name, name@host, not "two"/],
    [{ ...good, profiles: { two: 'wan' } }, /name@host or \*@host, not "two"/],
  ];
  for (const [options, message] of cases) {
    await assert.rejects(resolve(options), { code: 'ERR_ARGUMENT', message });
  }
});

test('the switch-over is that of the option, else that of the profile', async () => {
  const stay = await resolve({ ...good, switchover: 'stay' });
  assert.equal(stay.profile.primarySwitchover, stay.profile.pathMaxRetransmits);
  const profile = { primarySwitchover: 1 };
  assert.equal((await resolve({ ...good, profile })).switchover, 'stay');
  assert.equal(
    (await resolve({ ...good, profile, switchover: 'stay' })).profile.primarySwitchover,
    1,
  );
  const back = await resolve({ ...good, profile, switchover: 'return' });
  assert.equal(back.profile.primarySwitchover, SWITCHOVER_OFF);
  checkProfile(stay.profile);
});

test('a peer has a full name, addresses and a port', () => {
  const addresses = ['10.1.0.2'];
  assert.equal(checkPeer({ name: 'two@b', addresses }, 'one@a', 5000).port, 5000);
  const bad: unknown[] = [
    null,
    { name: 'two', addresses },
    { name: 'one@a', addresses },
    { name: 'two@b', addresses: [] },
    { name: 'two@b', addresses, port: 0 },
  ];
  for (const peer of bad) {
    assert.throws(() => checkPeer(peer, 'one@a', 5000), { code: 'ERR_ARGUMENT' });
  }
});

test('a deadline is a time that a timer can hold', () => {
  assert.equal(checkDeadlineMs(0), 0);
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5']) {
    assert.throws(() => checkDeadlineMs(bad), { code: 'ERR_ARGUMENT' });
  }
});

test('a port that is taken is told, and 0 lets the system choose', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  await assert.rejects(cluster.start('other', 1), { code: 'ERR_PORT_IN_USE' });
  const free = await cluster.start('free', 2, { port: 0 });
  assert.notEqual(free.node.port, 0);
  // Whoever has no port of its own dials others at the port that is everybody's.
  const up = free.node.connect({ name: one.node.name, addresses: ['10.1.0.1'] });
  await cluster.until(up);
});
