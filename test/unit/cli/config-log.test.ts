import assert from 'node:assert/strict';
import test from 'node:test';
import { logConfig } from '../../../src/cli/config-log.js';
import type { Config } from '../../../src/cluster.js';
import { lineLogger } from '../../../src/observe/index.js';
import { ConfigCluster } from '../config/config-nodes.js';

/** What is logged of a configuration, as event and text. */
function logOf(config: Config): string[] {
  const lines: string[] = [];
  const write = (line: string) => {
    const { event, msg } = JSON.parse(line) as { event: string; msg: string };
    lines.push(`${event} ${msg}`);
  };
  logConfig(config, '/stores/config', lineLogger({ format: 'json', write }));
  return lines;
}

test('the log tells what a node is, and newcomers, once', async (context) => {
  const cluster = new ConfigCluster(context);
  const { config } = await cluster.start('one@h1');
  const lines = logOf(config);
  assert.deepEqual(lines, ['configOpened the configuration: newcomer here, in /stores/config']);
  await cluster.start('two@h2');
  await cluster.network.linked();
  await cluster.when(() => config.status.newcomers.length === 1);
  await cluster.start('three@h3');
  await cluster.network.linked();
  await cluster.until(config.masters.bootstrap(['one@h1', 'two@h2']));
  const newcomers = lines.filter((line) => line.startsWith('configNewcomer'));
  assert.deepEqual(newcomers, [
    'configNewcomer two@h2 is a newcomer to the configuration: its store is empty',
  ]);
});

test('the log tells the way out where an operator has to act', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two] = await cluster.boot(['one@h1', 'two@h2']);
  const [first, second] = [logOf(one!.config), logOf(two!.config)];
  cluster.disks.failures.set('two@h2', 'ERR_STORE_FULL');
  const lost = one!.config.put('cluster/a', 1, { deadlineMs: 2000 });
  await assert.rejects(cluster.until(lost), { code: 'ERR_OUTCOME_UNKNOWN' });
  const troubles = (lines: string[]) => lines.filter((line) => line.startsWith('configTrouble'));
  await cluster.when(() => troubles(first).length + troubles(second).length === 2);
  assert.deepEqual(troubles(first), [
    'configTrouble the configuration and two@h2: ERR_STORE, ' +
      'its store takes nothing more: see the log there',
  ]);
  assert.deepEqual(troubles(second), [
    'configTrouble the store takes nothing more: ERR_STORE_FULL: the disk is broken',
  ]);
});
