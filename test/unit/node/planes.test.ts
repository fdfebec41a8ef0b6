import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { checkPeerAddresses, mapToPlanes, resolvePlanes } from '../../../src/node/planes.js';

const local = [
  { address: '127.0.0.1', prefixBits: 8 },
  { address: '10.1.0.1', prefixBits: 24 },
  { address: '10.2.0.1', prefixBits: 24 },
  { address: '10.2.0.9', prefixBits: 24 },
  { address: 'fd00:1::1', prefixBits: 64 },
];

const addressesOf = (planes: unknown) =>
  resolvePlanes(planes, local).map(({ name, address }) => [name, address]);

test('a CIDR finds the one address of this host in it', () => {
  assert.deepEqual(addressesOf({ a: '10.1.0.0/24', six: 'fd00:1::/64' }), [
    ['a', '10.1.0.1'],
    ['six', 'fd00:1::1'],
  ]);
});

test('a CIDR that holds none of our addresses lists what there is', () => {
  assert.throws(() => addressesOf({ a: '10.3.0.0/24' }), {
    code: 'ERR_PLANE_NO_ADDRESS',
    message: /plane a: .*10\.3\.0\.0\/24.*10\.1\.0\.1/,
  });
});

test('a CIDR that holds two of our addresses lists both', () => {
  assert.throws(() => addressesOf({ b: '10.2.0.0/24' }), {
    code: 'ERR_PLANE_AMBIGUOUS',
    message: /plane b: .*10\.2\.0\.1, 10\.2\.0\.9/,
  });
});

test('an address is taken as it is, if it is ours', () => {
  assert.deepEqual(addressesOf({ b: '10.2.0.9' }), [['b', '10.2.0.9']]);
  assert.deepEqual(addressesOf({ b: 'FD00:1:0::1' }), [['b', 'fd00:1::1']]);
  assert.throws(() => addressesOf({ b: '10.2.0.7' }), { code: 'ERR_ADDRESS_NOT_LOCAL' });
});

test('the short form names planes by position', () => {
  assert.deepEqual(addressesOf(['10.1.0.1', '10.2.0.9']), [
    ['a', '10.1.0.1'],
    ['b', '10.2.0.9'],
  ]);
});

test('what are no planes is refused', () => {
  const many = Object.fromEntries(Array.from({ length: limits.addresses + 1 }, (_, i) => [i, '']));
  const bad = [
    undefined,
    null,
    '10.1.0.1',
    {},
    [],
    many,
    { a: 1 },
    { a: '10.1.0.0/33' },
    { a: '10.1.0.0/24/1' },
    { a: '10.1.0.0/' },
    { a: 'plane' },
    { 'a b': '10.1.0.1' },
    { unknown: '10.1.0.1' },
    { a: '10.1.0.1', b: '10.1.0.0/24' },
  ];
  for (const planes of bad) {
    assert.throws(() => addressesOf(planes), { code: 'ERR_ARGUMENT' }, JSON.stringify(planes));
  }
});

test('addresses of a peer are checked and brought to one form', () => {
  const named = checkPeerAddresses({ a: '10.1.0.2', b: 'FD00::2' });
  assert.deepEqual(
    [...named],
    [
      ['10.1.0.2', 'a'],
      ['fd00::2', 'b'],
    ],
  );
  assert.deepEqual([...checkPeerAddresses(['10.1.0.2'])], [['10.1.0.2', null]]);
  for (const bad of [null, 'x', [], ['host2'], [1], ['10.1.0.2', '10.1.0.2'], {}]) {
    assert.throws(() => checkPeerAddresses(bad), { code: 'ERR_ARGUMENT' }, JSON.stringify(bad));
  }
});

const planesOf = (
  planes: unknown,
  given: readonly string[] | Record<string, string> | null,
  addresses: readonly string[],
) => {
  const checked = given === null ? null : checkPeerAddresses(given);
  return Object.fromEntries(mapToPlanes(resolvePlanes(planes, local), checked, addresses));
};

test('an address of a peer belongs to the plane whose subnet holds it', () => {
  const planes = { a: '10.1.0.0/16', b: '10.2.0.9' };
  assert.deepEqual(planesOf(planes, null, ['10.2.0.2', '10.1.7.7']), {
    '10.2.0.2': 'b',
    '10.1.7.7': 'a',
  });
});

test('the smallest subnet counts where two hold it', () => {
  const planes = { wide: '10.1.0.1', loop: '127.0.0.0/8' };
  assert.deepEqual(planesOf(planes, null, ['127.0.0.2', '10.1.0.2']), {
    '127.0.0.2': 'loop',
    '10.1.0.2': 'wide',
  });
});

test('the plane an address was given for counts most', () => {
  const given = { b: '10.1.0.2', a: '10.2.0.2' };
  assert.deepEqual(planesOf({ a: '10.1.0.1', b: '10.2.0.1' }, given, ['10.1.0.2', '10.2.0.2']), {
    '10.1.0.2': 'b',
    '10.2.0.2': 'a',
  });
});

test('where no subnet tells, the order of the addresses does', () => {
  const routed = ['172.16.2.2', '172.16.1.2'];
  assert.deepEqual(planesOf(['10.1.0.1', '10.2.0.1'], routed, [...routed].reverse()), {
    '172.16.2.2': 'a',
    '172.16.1.2': 'b',
  });
});

test('two planes in one subnet are told apart by the order', () => {
  const given = ['10.2.0.20', '10.2.0.29'];
  assert.deepEqual(planesOf(['10.2.0.1', '10.2.0.9'], given, given), {
    '10.2.0.20': 'a',
    '10.2.0.29': 'b',
  });
});

test('the only address left over is on the only plane left over', () => {
  assert.deepEqual(planesOf(['10.1.0.1', '10.2.0.1'], null, ['10.1.0.2', '172.16.1.2']), {
    '10.1.0.2': 'a',
    '172.16.1.2': 'b',
  });
});

test('an address nothing tells of is on an unknown plane', () => {
  const planes = planesOf(['10.1.0.1', '10.2.0.1'], null, ['172.16.1.2', '172.16.2.2']);
  assert.deepEqual(planes, { '172.16.1.2': 'unknown', '172.16.2.2': 'unknown' });
});
