import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { controlPath } from '../../../src/cli/control-options.js';
import { nodesText } from '../../../src/cli/nodes.js';
import { pathsOf, pathsText } from '../../../src/cli/paths.js';
import { watchAlarms } from '../../../src/observe/alarm-watch.js';
import { serveControl } from '../../../src/observe/control.js';
import { askControl, type NodesAnswer, type PathsAnswer } from '../../../src/observe/index.js';
import { Cluster } from '../node/cluster.js';
import { backplane } from './support.js';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bp-cli-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What a node with one link, and a plane cut, answers. */
async function answers(context: TestContext) {
  const path = join(folderOf(context), 'c.sock');
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const alarms = watchAlarms(one.node, { wallMs: () => 0 });
  const server = await serveControl(one.node, { path, alarms });
  context.after(() => server.close());
  const before = (await askControl(path, '/nodes')) as NodesAnswer;
  await cluster.link(one, two);
  cluster.network.cut('10.2.0.2');
  const nodes = (await askControl(path, '/nodes')) as NodesAnswer;
  const paths = (await askControl(path, '/paths')) as PathsAnswer;
  return { before, nodes, paths, two };
}

test('nodes shows links and alarms', async (context) => {
  const { before, nodes, two } = await answers(context);
  assert.equal(nodesText(before), 'one@host1, listening\n\nno links\n');
  const lines = nodesText(nodes).split('\n');
  const row = ['two@host2', two.node.incarnation, 'out 1', 'up', 'NO', '0', '0', '0'];
  assert.deepEqual(lines[4]?.split(/ {2,}/), row);
  assert.deepEqual(lines[8]?.split(/ {2,}/), [
    'major',
    'redundancy-lost',
    'two@host2',
    'b',
    '1970-01-01T00:00:00.000Z',
    'no active path on plane b',
  ]);
});

test('paths shows every path, or those of one node', async (context) => {
  const { paths } = await answers(context);
  const lines = pathsText(paths).split('\n');
  const rows = lines.slice(2, 4).map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows, [
    ['two@host2', 'a', '10.1.0.2', 'active', '*', '1', '50', '4,380'],
    ['two@host2', 'b', '10.2.0.2', 'inactive', '1', '50', '4,380'],
  ]);
  assert.equal(pathsOf(paths, undefined), paths);
  for (const name of ['two', 'two@host2']) assert.equal(pathsOf(paths, name).paths.length, 2);
  for (const name of ['tw', 'two@host', 'three']) {
    const none = pathsOf(paths, name);
    assert.equal(pathsText(none), 'no paths\n');
    assert.deepEqual(none.self, paths.self);
  }
});

test('the socket is that of the option, else that of the file', async (context) => {
  const folder = folderOf(context);
  const config = join(folder, 'backplane.json');
  writeFileSync(config, JSON.stringify({ control: 'c.sock' }));
  assert.equal(await controlPath({ config }), join(folder, 'c.sock'));
  assert.equal(await controlPath({ config, control: '/run/c.sock' }), '/run/c.sock');
  writeFileSync(config, JSON.stringify({ control: '' }));
  const message = /^control: give --control PATH/;
  for (const options of [{}, { config }]) {
    await assert.rejects(controlPath(options), { code: 'ERR_CONFIG', message });
  }
});

test('where nobody answers there is a code', (context) => {
  const path = join(folderOf(context), 'none.sock');
  for (const command of ['nodes', 'paths']) {
    const { status, stdout, stderr } = backplane(command, '--control', path, '--json');
    assert.equal(status, 1);
    const { ok, code } = JSON.parse(stdout);
    assert.deepEqual([ok, code], [false, 'ERR_CONTROL']);
    assert.match(stderr, /^backplane: ERR_CONTROL: .*ENOENT.*\n$/);
  }
});
