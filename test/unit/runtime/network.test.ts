import assert from 'node:assert/strict';
import test from 'node:test';
import {
  hostName,
  localAddresses,
  parseFibTrie,
  parseInet6,
} from '../../../src/runtime/network.js';

test('this host has a name and a loopback address with its prefix', () => {
  assert.notEqual(hostName(), '');
  const loopback = localAddresses().find(({ address }) => address === '127.0.0.1');
  assert.deepEqual(loopback, { address: '127.0.0.1', prefixBits: 8 });
});

// A port whose cable is out is in this table, and not in os.networkInterfaces.
const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.1.0.0/24 2 0 2
        +-- 10.1.0.0/30 2 0 2
           |-- 10.1.0.0
              /24 link UNICAST
           |-- 10.1.0.2
              /32 host LOCAL
        |-- 10.1.0.255
           /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
Local:
           |-- 10.1.0.2
              /32 host LOCAL
`;

test('local IPv4 addresses are read from the forwarding table', () => {
  assert.deepEqual(parseFibTrie(trie), [
    { address: '10.1.0.2', prefixBits: 24 },
    { address: '127.0.0.1', prefixBits: 32 },
  ]);
  assert.deepEqual(parseFibTrie(''), []);
});

test('local IPv6 addresses are read from their table', () => {
  const text =
    '00000000000000000000000000000001 01 80 10 80       lo\n' +
    'fd000001000000000000000000000002 02 40 00 80     eth0\n';
  assert.deepEqual(parseInet6(text), [
    { address: '::1', prefixBits: 128 },
    { address: 'fd00:1::2', prefixBits: 64 },
  ]);
  assert.deepEqual(parseInet6(''), []);
});
