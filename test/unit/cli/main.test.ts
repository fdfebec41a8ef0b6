import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { findPeer } from '../../../src/cli/ping.js';
import { nameFor, peersOf } from '../../../src/cli/serve.js';
import { projectRoot } from '../rules/sources.js';
import { backplane } from './support.js';

test('the program tells its version and its commands', () => {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  assert.equal(backplane('--version').stdout, `${version}\n`);
  const { status, stdout } = backplane('--help');
  assert.equal(status, 0);
  const commands = ['serve', 'ping', 'nodes', 'paths', 'config', 'masters', 'keygen', 'tune'];
  for (const name of [...commands, 'demo', 'lab']) {
    assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  }
});

test('an error is one line with its code, without a stack', () => {
  const { status, stdout, stderr } = backplane('serve', '--config', '/nowhere/backplane.json');
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^backplane: ERR_CONFIG: \/nowhere\/backplane\.json: .*ENOENT.*\n$/);
});

test('with json an error is a line of JSON besides', () => {
  const { status, stdout } = backplane('ping', 'one', '--json', '--planes', 'a=127.0.0.1');
  assert.equal(status, 1);
  assert.deepEqual(JSON.parse(stdout), {
    command: 'ping',
    ok: false,
    violations: ['keyFile must be the path of the key file'],
    code: 'ERR_CONFIG',
  });
});

test('options that cannot be read end the program', () => {
  const cases = [
    ['nonsense'],
    ['serve', '--port', '65536'],
    ['serve', '--planes', '10.1.0.0/24'],
    ['serve', '--peer', 'one@host1='],
    ['ping'],
    ['ping', 'one', '--count', '-1'],
    ['ping', 'one', '--interval-ms', '0'],
    ['paths', '--interval-ms', '9'],
    ['serve', '--log-level', 'loud'],
    ['demo', '--fault', 'fire'],
    ['lab', 'cuts', '--count', '0'],
  ];
  for (const args of cases) {
    const { status, stderr } = backplane(...args);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, /^error: /, args.join(' '));
  }
  assert.equal(backplane('lab', 'cuts', '--help').status, 0);
});

test('wrong use with json is a line of JSON besides', () => {
  const { status, stdout, stderr } = backplane('tune', '--detect', 'abc', '--json');
  assert.equal(status, 2);
  assert.match(stderr, /^error: /);
  const { violations, ...report } = JSON.parse(stdout);
  assert.deepEqual(report, { command: 'tune', ok: false, code: 'ERR_ARGUMENT' });
  assert.match(violations[0], /^option '--detect <time>' argument 'abc' is invalid/);
});

const peers = ['one@host1', 'two@host2', 'two@host3'].map((name) => ({
  name,
  addresses: ['10.1.0.1'],
  port: 1,
}));

test('a node without a name has that of its entry in peers', () => {
  assert.equal(nameFor({ peers }, 'host1'), 'one@host1');
  assert.equal(nameFor({ peers }, 'host4'), 'node@host4');
  assert.equal(nameFor({ peers: [...peers, ...peers] }, 'host1'), 'node@host1');
});

test('an entry with the address of this node is this node, whatever it is called', () => {
  const planes = [{ name: 'a', address: '10.1.0.1' }];
  const here = { name: 'one@host1', addresses: { a: '10.1.0.1' }, port: 1 };
  const there = { name: 'two@host2', addresses: ['10.1.0.2'], port: 1 };
  const beside = { ...here, name: 'three@host1', port: 2 };
  const all = [here, there, beside];
  const split = (name: string) => peersOf({ name, port: 1, planes }, all);
  assert.deepEqual(split('one@host1'), { others: [there, beside], aliases: [] });
  assert.deepEqual(split('test@host1'), { others: [there, beside], aliases: [here] });
});

test('ping finds a peer by its full name, or by one that says enough', () => {
  assert.equal(findPeer('one', { peers }).name, 'one@host1');
  assert.equal(findPeer('two@host3', { peers }).name, 'two@host3');
  const refused = (name: string, message: RegExp) =>
    assert.throws(() => findPeer(name, { peers }), { code: 'ERR_CONFIG', message });
  refused('two', /may be any of two@host2, two@host3/);
  refused('three', /three is not among them \(one@host1, two@host2, two@host3\)/);
  refused('one@host2', /not among them/);
});
