import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readHostFile } from '../../../src/controller/host-file.js';
import { controlSocketOf } from '../../../src/controller/host-yaml.js';
import { ControllerError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { projectRoot } from '../rules/sources.js';

const folder = mkdtempSync(join(tmpdir(), 'backplane-host-file-'));
test.after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'host.yaml');

const LEAST = `planes: { a: 10.1.0.0/24 }
masters:
  - host: host1
    addresses: { a: 10.1.0.1 }
`;

async function read(text: string) {
  writeFileSync(file, text);
  return readHostFile(file);
}

/** What is wrong with a text, without its file and the way out. */
async function refusalOf(text: string): Promise<string> {
  const error = await read(text).then(
    () => assert.fail('it was taken'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof ControllerError);
  assert.equal(error.code, 'ERR_HOST_FILE');
  assert.ok(error.message.startsWith(file), error.message);
  assert.match(error.message, /deploy\/host\.yaml has all fields, with comments\)$/);
  return error.message.slice(file.length).replace(/ \([^(]*\)$/, '');
}

test('what a host file leaves out is filled in', async () => {
  const { host, keyFile, masters, ...rest } = await read(LEAST);
  assert.ok(host.length > 0);
  assert.equal(keyFile, join(folder, 'cluster.key'));
  assert.deepEqual(masters, [
    { name: 'controller@host1', addresses: { a: '10.1.0.1' }, port: 24_100 },
  ]);
  assert.deepEqual(rest, {
    path: file,
    planes: { a: '10.1.0.0/24' },
    port: 24_100,
    canBeMaster: false,
    store: '/var/lib/backplane/store',
    workers: '/var/lib/backplane/workers',
    control: '/run/backplane/control.sock',
    http: null,
    profile: 'lan',
    label: 'backplane',
    security: 'sealed',
    loadMs: limits.configLoadMs,
  });
});

test('relative paths begin at the folder of the file', async () => {
  const { store, control, http } = await read(`${LEAST}store: s\nrun: r\nhttp: "[::1]:9464"\n`);
  assert.equal(store, join(folder, 's'));
  assert.equal(control, join(folder, 'r', 'control.sock'));
  assert.deepEqual(http, { address: '::1', port: 9464 });
  assert.equal(await controlSocketOf(file), control);
});

test('the shipped example is taken, and has every field of the schema', async () => {
  const example = readFileSync(join(projectRoot, 'deploy/host.yaml'), 'utf8');
  const { planes, masters } = await read(example);
  assert.deepEqual(Object.keys(planes), ['a', 'b']);
  assert.equal(masters.length, 2);
  const schema = JSON.parse(readFileSync(join(projectRoot, 'deploy/host.schema.json'), 'utf8'));
  for (const name of Object.keys(schema.properties)) {
    assert.match(example, new RegExp(`^(# )?${name}:`, 'm'), name);
  }
  const whole = example
    .replaceAll(/^# ((?!sealed)\w+: )/gm, '$1')
    .replaceAll(/^# {3}(port)/gm, '    $1');
  const { http, canBeMaster } = await read(whole);
  assert.deepEqual(http, { address: '127.0.0.1', port: 9464 });
  assert.equal(canBeMaster, true);
});

test('what is wrong is told with its line, field and reason', async () => {
  const cases: readonly [string, string][] = [
    ['', ':1: the file: must be object'],
    ['- a\n', ':1: the file: must be object'],
    ['planes: { a: 10.1.0.0/24 }\n', ":1: the file: must have required property 'masters'"],
    [`${LEAST}color: red\n`, ':5: color: there is no such field'],
    [`${LEAST}port: high\n`, ':5: port: must be integer'],
    [`${LEAST}port: 70000\n`, ':5: port: must be <= 65535'],
    [`${LEAST}profile: fast\n`, ':5: profile: must be one of lan, wan, rfc, mesh'],
    [`${LEAST}http: localhost:80\n`, ':5: http: must match pattern'],
    [`${LEAST}http: 127.0.0.1:99999\n`, ':5: http: there is no port 99999'],
    [LEAST.replace('10.1.0.1', 'host1'), ':4: masters.0.addresses.a: must match format "ip"'],
    [
      LEAST.replace('{ a: 10.1.0.1', '{ b: 10.1.0.1'),
      ':4: masters.0.addresses: addresses of a peer',
    ],
    [LEAST.replace('host1', 'a host'), ':3: masters.0.host: must match pattern'],
    [
      `${LEAST}  - { host: host1, addresses: { a: 10.1.0.2 } }\n`,
      ':3: masters: peers: controller@',
    ],
    [`planes: {}\n${LEAST.slice(LEAST.indexOf('\n') + 1)}`, ':1: planes: must NOT have fewer than'],
    [`${LEAST}planes: { b: 10.2.0.0/24 }\n`, ': the key planes comes twice, at line 5'],
    ['planes: [', ': Flow sequence'],
  ];
  for (const [text, expected] of cases) {
    const found = await refusalOf(text);
    assert.ok(found.startsWith(expected), `${found}\n${expected}`);
  }
});

test('a file that is not there, or too long, is no host file', async () => {
  await assert.rejects(readHostFile(join(folder, 'nothing.yaml')), {
    code: 'ERR_HOST_FILE',
    message: /nothing\.yaml: ENOENT/,
  });
  const long = `${LEAST}#${'x'.repeat(limits.configFileBytes)}`;
  assert.match(await refusalOf(long), /more than 1048576 bytes/);
});
