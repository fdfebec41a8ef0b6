import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createLab, labHere } from '../../../src/lab/index.js';
import { exchange, withPair } from './fixtures/peers.js';

const limit = { timeout: 30_000 };

/** Output of a short program on a host. */
function output(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (data) => {
      text += data;
    });
    child.once('error', reject);
    child.once('close', () => resolve(text));
  });
}

test('this is the lab', () => {
  assert.match(labHere() ?? 'none', /^(host|uml)$/);
});

test('64 hosts on two planes stand within 20 s, and close', { timeout: 60_000 }, async () => {
  const startMs = performance.now();
  const lab = await createLab({ hosts: 64 });
  const ms = performance.now() - startMs;
  assert.ok(ms < 20_000, `it took ${ms} ms`);
  assert.equal(lab.hosts.length, 64);
  assert.deepEqual(lab.cidrs, { a: '10.1.0.0/24', b: '10.2.0.0/24' });
  assert.deepEqual(lab.host(64).addresses, ['10.1.0.64', '10.2.0.64']);
  for (const host of lab.hosts) assert.equal(host.counters('b').carrier, true);
  await lab.close();
});

test('a lab has 2 to 64 hosts, and planes with good names', limit, async () => {
  const bad = { code: 'ERR_ARGUMENT' };
  await assert.rejects(createLab({ hosts: 1 }), bad);
  await assert.rejects(createLab({ hosts: 65 }), bad);
  await assert.rejects(createLab({ hosts: 2, planes: [] }), bad);
  await assert.rejects(createLab({ hosts: 2, planes: ['a', 'a'] }), bad);
  await assert.rejects(createLab({ hosts: 2, planes: ['lo'] }), bad);
  await assert.rejects(createLab({ hosts: 2, planes: ['../x'] }), bad);
  const planes = Array.from({ length: 9 }, (_, i) => `p${i}`);
  await assert.rejects(createLab({ hosts: 2, planes }), bad);
});

test('a plane carries its own frames and no other', limit, async () => {
  await withPair({ hosts: 3, planes: ['left', 'right'] }, async (pair) => {
    const { lab } = pair;
    await exchange(pair, 'left');
    await exchange(pair, 'right');
    const frames = () => lab.host(2).counters('right').receivedFrames;
    const before = frames();
    for (let i = 0; i < 20; i++) await exchange(pair, 'left');
    assert.ok(frames() - before < 5, 'frames of the left plane on the right one');
  });
});

test('a host that is not on a plane has no port there, nor a way to it', limit, async () => {
  const planes = ['a', 'outside'];
  const lab = await createLab({ hosts: 3, planes, hostsOn: { a: [1, 2], outside: [2, 3] } });
  try {
    assert.deepEqual(
      lab.hosts.map(({ addresses }) => addresses),
      [['10.1.0.1'], ['10.1.0.2', '10.2.0.2'], ['10.2.0.3']],
    );
    assert.equal(lab.host(3).address('a'), undefined);
    assert.equal(lab.host(3).address('outside'), '10.2.0.3');
    assert.throws(() => lab.host(1).counters('outside'), { code: 'ERR_LAB' });
    assert.throws(() => lab.cut('link-down', 'outside', 1), { code: 'ERR_ARGUMENT' });
    const route = (host: number, to: string) => {
      return output(lab.host(host).spawn(['ip', '-4', '-br', 'route', 'get', to]));
    };
    assert.match(await route(3, '10.2.0.2'), /^10\.2\.0\.2 dev outside/);
    assert.equal(await route(3, '10.1.0.1'), '');
    lab.cut('switch', 'outside');
    assert.equal(lab.host(3).counters('outside').carrier, false);
    assert.equal(lab.host(2).counters('a').carrier, true);
    lab.heal();
    assert.equal(lab.host(3).counters('outside').carrier, true);
  } finally {
    await lab.close();
  }
});

test(
  'IPv6 addresses are there where they are wanted, also after a port was down',
  limit,
  async () => {
    await withPair({ hosts: 2, ipv6: true }, async (pair) => {
      const { lab, one, two } = pair;
      const [from] = one.host.addresses6;
      const [to] = two.host.addresses6;
      assert.equal(to, 'fd00:0:0:1::2');
      await Promise.all([two.hears('six'), one.send(from!, to!, 'six')]);
      lab.cut('link-down', 'a', 2);
      lab.heal();
      await lab.forwarding();
      await Promise.all([two.hears('again'), one.send(from!, to!, 'again')]);
    });
  },
);

test('a process runs on its host, with its own sysctls', limit, async () => {
  const lab = await createLab({ hosts: 2, sysctls: { 'net/sctp/rto_min': '55' } });
  try {
    lab.host(2).sysctl({ 'net/sctp/rto_min': '66' });
    const file = '/proc/sys/net/sctp/rto_min';
    const rtoMin = (host: number) => output(lab.host(host).spawn(['cat', file]));
    assert.equal(await rtoMin(1), '55\n');
    assert.equal(await rtoMin(2), '66\n');
    assert.equal(readFileSync(file, 'utf8'), '1000\n');
    const addresses = await output(lab.host(2).spawn(['ip', '-4', '-br', 'address']));
    assert.match(addresses, /^a@\S+ +UP +10\.1\.0\.2\/24/m);
    assert.match(addresses, /^b@\S+ +UP +10\.2\.0\.2\/24/m);
    assert.throws(() => lab.host(1).sysctl({ 'net/nothing': '1' }), {
      code: 'ERR_LAB',
      syscall: 'open',
      address: '/proc/sys/net/nothing',
    });
  } finally {
    await lab.close();
  }
});

test('closing a lab ends its processes', limit, async () => {
  const lab = await createLab({ hosts: 2 });
  const child = lab.host(1).spawn(['sleep', '1000']);
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const leaving = 'setsid sleep 1000 >/dev/null 2>&1 & echo $!';
  const left = Number(await output(lab.host(2).spawn(['sh', '-c', leaving])));
  process.kill(left, 0);
  await lab.close();
  assert.throws(() => process.kill(left, 0), { code: 'ESRCH' });
  assert.equal(await ended, 'SIGKILL');
  assert.throws(() => lab.host(1).enter(() => 0), { code: 'ERR_CLOSED' });
});
