import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { checkConfig } from '../../../src/cli/config-file.js';
import { configOf } from '../../../src/cli/node-options.js';
import { readConfigFile } from '../../../src/cli/read-config-file.js';
import { limits } from '../../../src/limits.js';

const folder = mkdtempSync(join(tmpdir(), 'backplane-config-'));
after(() => rmSync(folder, { recursive: true }));

const planes = { a: '10.1.0.0/24', b: '10.2.0.0/24' };
const least = { planes, keyFile: 'cluster.key' };
const peer = { name: 'one@host1', addresses: ['10.1.0.1', '10.2.0.1'] };

function file(text: string): string {
  const path = join(folder, 'backplane.json');
  writeFileSync(path, text);
  return path;
}

test('what the file leaves out is filled in', () => {
  assert.deepEqual(checkConfig({ ...least, peers: [peer] }, '/etc'), {
    planes,
    keyFile: '/etc/cluster.key',
    port: 24100,
    profile: 'lan',
    label: 'backplane',
    peers: [{ ...peer, port: 24100 }],
  });
});

test('what is relative in a file is beside it', async () => {
  const configuration = { store: 'store', masters: [] };
  const read = await readConfigFile(file(JSON.stringify({ ...least, configuration })));
  assert.deepEqual(
    [read['keyFile'], read['configuration']],
    [join(folder, 'cluster.key'), { ...configuration, store: join(folder, 'store') }],
  );
});

test('peers may come from the DNS too', () => {
  const dns = { name: { a: 'srv.a', b: 'srv.b' }, node: 'one', refreshMs: 5000 };
  assert.deepEqual(checkConfig({ ...least, dns }, '/').dns, dns);
});

test('peers have the port of the file, unless they have their own', () => {
  const ports = (port: number) =>
    checkConfig(
      { ...least, port, peers: [peer, { ...peer, name: 'b@c', port: 9 }] },
      '/',
    ).peers.map((one) => one.port);
  assert.deepEqual(ports(25000), [25000, 9]);
  assert.deepEqual(ports(0), [24100, 9]);
});

test('timers for some peers stand beside them, or by name', () => {
  const profiles = { '*@far': 'wan' };
  const one = { ...peer, profile: { base: 'wan', beatMs: 600 } };
  const config = checkConfig({ ...least, profiles, peers: [one] }, '/');
  assert.deepEqual(config.profiles, profiles);
  assert.deepEqual(config.peers, [{ ...one, port: 24100 }]);
});

test('the file may have a configuration, whose store is beside it', () => {
  const configuration = { store: 'store', masters: ['one@h1'], loadMs: 5000 };
  const checked = checkConfig({ ...least, configuration }, '/etc').configuration;
  assert.deepEqual(checked, { ...configuration, store: '/etc/store' });
  const none = { ...configuration, store: null };
  assert.deepEqual(checkConfig({ ...least, configuration: none }, '/etc').configuration, none);
  const bad = { ...configuration, masters: 'one@h1' };
  for (const [wrong, message] of [
    [bad, /^configuration: masters /],
    [{ ...configuration, store: '' }, /^configuration: store /],
    [{ ...configuration, path: 'x' }, /^configuration: there is no field path/],
  ] as const) {
    const check = () => checkConfig({ ...least, configuration: wrong }, '/etc');
    assert.throws(check, { code: 'ERR_CONFIG', message });
  }
});

test('the file may say what is done about gray paths', () => {
  const config = checkConfig({ ...least, steering: 'gray', switchover: 'stay' }, '/');
  assert.deepEqual([config.steering, config.switchover], ['gray', 'stay']);
  assert.deepEqual(checkConfig({ ...least, switchover: 'stay' }, '/').steering, 'off');
});

test('the file may say how links are secured', () => {
  const config = checkConfig({ ...least, security: 'authenticated' }, '/');
  assert.equal(config.security, 'authenticated');
});

test('a field that is wrong is named', () => {
  const cases: [object, RegExp][] = [
    [{ ...least, planes: undefined }, /^planes /],
    [{ ...least, steering: 'always' }, /^paths: steering /],
    [{ ...least, switchover: true }, /^paths: switchover /],
    [{ ...least, planes: { a: 1 } }, /^planes /],
    [{ ...least, planes: [] }, /^planes: .* on one plane at least/],
    [{ ...least, planes: { 'a b': '10.1.0.1' } }, /^planes: .*"a b" is not a plane's name/],
    [{ ...least, security: 'none' }, /^security: security must be/],
    [{ ...least, profiles: { far: 'wan' } }, /^profiles: .* not "far"/],
    [{ ...least, peers: [peer, peer] }, /^peers: .*one@host1 stands there twice/],
    [
      { ...least, peers: [{ ...peer, addresses: { c: '10.3.0.1' } }] },
      /^peers\[0\]\.addresses: .*there is no plane c, but a, b/,
    ],
    [{ ...least, keyFile: undefined }, /^keyFile /],
    [{ ...least, keyFile: 1 }, /^keyFile /],
    [{ ...least, port: '24100' }, /^port: /],
    [{ ...least, port: 65536 }, /^port: /],
    [{ ...least, profile: 1 }, /^profile /],
    [{ ...least, profiles: ['wan'] }, /^profiles /],
    [{ ...least, profiles: { '*@far': 1 } }, /^profiles\.\*@far /],
    [{ ...least, label: 1 }, /^label: /],
    [{ ...least, control: 1 }, /^control /],
    [{ ...least, control: '' }, /^control /],
    [{ ...least, peers: {} }, /^peers /],
    [{ ...least, dns: 'srv' }, /^dns /],
    [{ ...least, dns: {} }, /^dns: /],
    [{ ...least, dns: { name: 'srv', ttl: 1 } }, /^dns: there is no field ttl;/],
    [{ ...least, peers: [peer, 1] }, /^peers\[1\] /],
    [{ ...least, peers: [{ ...peer, name: 'one' }] }, /^peers\[0\]\.name: /],
    [{ ...least, peers: [{ ...peer, addresses: ['host1'] }] }, /^peers\[0\]\.addresses: /],
    [{ ...least, peers: [{ ...peer, addresses: [] }] }, /^peers\[0\]\.addresses: /],
    [{ ...least, peers: [{ ...peer, port: 0 }] }, /^peers\[0\]\.port: /],
    [{ ...least, peers: [{ ...peer, profile: 1 }] }, /^peers\[0\]\.profile /],
    [{ ...least, peers: [{ ...peer, key: 'x' }] }, /^peers\[0\]: there is no field key;/],
    [{ ...least, key: 'x' }, /: there is no field key;/],
    [[], /must be an object/],
  ];
  for (const [value, message] of cases) {
    const error = { name: 'NodeError', code: 'ERR_CONFIG', message };
    assert.throws(() => checkConfig(value, '/'), error, JSON.stringify(value));
  }
});

test('the key file and the control socket are found beside the configuration file', async () => {
  assert.deepEqual(await readConfigFile(file('{"keyFile":"a.key"}')), {
    keyFile: join(folder, 'a.key'),
  });
  assert.deepEqual(await readConfigFile(file('{"keyFile":"/b.key"}')), { keyFile: '/b.key' });
  assert.deepEqual(await readConfigFile(file('{"control":"c.sock"}')), {
    control: join(folder, 'c.sock'),
  });
  assert.equal(checkConfig({ ...least, control: 'c.sock' }, '/run').control, '/run/c.sock');
});

test('a file that is no configuration is refused', async () => {
  const cases: [string, RegExp][] = [
    [join(folder, 'nowhere.json'), /nowhere\.json: ENOENT/],
    [folder, /EISDIR/],
    [file('{'), /JSON/],
  ];
  for (const [path, message] of cases) {
    await assert.rejects(readConfigFile(path), { code: 'ERR_CONFIG', message });
  }
  await assert.rejects(readConfigFile(file('[]')), {
    code: 'ERR_CONFIG',
    message: /not a JSON obj/,
  });
  const large = file(' '.repeat(limits.configFileBytes + 1));
  await assert.rejects(readConfigFile(large), { code: 'ERR_CONFIG', message: /larger than/ });
});

test('options stand over the file', async () => {
  const config = file(
    JSON.stringify({ ...least, port: 1, peers: [peer, { ...peer, name: 'b@c' }] }),
  );
  const merged = await configOf({
    config,
    planes: { c: '10.3.0.1' },
    port: 2,
    keyFile: 'other.key',
    profile: 'wan',
    peer: [{ name: 'b@c', addresses: ['10.3.0.2'] }],
  });
  assert.deepEqual(merged, {
    planes: { c: '10.3.0.1' },
    port: 2,
    keyFile: join(process.cwd(), 'other.key'),
    profile: 'wan',
    label: 'backplane',
    peers: [
      { ...peer, port: 2 },
      { name: 'b@c', addresses: ['10.3.0.2'], port: 2 },
    ],
  });
  const alone = await configOf({ planes: { a: '10.1.0.1' }, keyFile: '/a.key' });
  assert.deepEqual(alone.peers, []);
});
