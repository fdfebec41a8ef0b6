import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { readText } from '../../../src/config/text.js';
import { decodeValue } from '../../../src/config/value.js';
import { readHostFile } from '../../../src/controller/host-file.js';
import { readDesired } from '../../../src/workers/worker-spec.js';
import { projectRoot } from '../rules/sources.js';

const folder = join(projectRoot, 'examples/typical-system');
const page = readFileSync(join(projectRoot, 'docs/typical-system.md'), 'utf8');
const text = readFileSync(join(folder, 'cluster.yaml'), 'utf8');
const values = new Map([...readText(text)].map(([key, value]) => [key, decodeValue(value)]));

/** What a host is to run. */
function workersOf(host: string) {
  const prefix = `hosts/${host}/`;
  const own = [...values].filter(([key]) => key.startsWith(prefix));
  return readDesired(own.map(([key, value]) => ({ key: key.slice(prefix.length), value })));
}

test('the host file of the typical system agrees with its configuration', async () => {
  const { masters } = await readHostFile(join(folder, 'host.yaml'));
  assert.deepEqual(
    masters.map(({ name }) => name),
    ['controller@control1', 'controller@control2'],
  );
  for (const { name, addresses } of masters) {
    assert.deepEqual(values.get(`hosts/${name.split('@')[1]}/addresses`), addresses);
  }
});

test('the workers of the typical system can be used, and their programs are there', () => {
  const found = ['control1', 'control2', 'traffic1', 'traffic2', 'firewall'].flatMap((host) => {
    const { workers, problems } = workersOf(host);
    assert.deepEqual(problems, []);
    return workers.map(({ name, command }) => {
      assert.ok(existsSync(join(folder, command[1] ?? '')), command[1]);
      return `${name}@${host}`;
    });
  });
  assert.deepEqual(found, ['server@traffic1', 'server@traffic2', 'gateway@firewall']);
});

test('its page has the addresses of its hosts', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| ([\d.]+), ([\d.]+) \|/gm)];
  assert.equal(rows.length, 5);
  for (const [, host, a, b] of rows) {
    assert.deepEqual(values.get(`hosts/${host}/addresses`), { a, b });
  }
});
