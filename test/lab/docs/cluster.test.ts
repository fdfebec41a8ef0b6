import test from 'node:test';
import { sectionsOf } from './console.js';
import { cluster, execute, limit } from './operating-pages.js';

test('what operators of a cluster do works as it stands there', limit, async (context) => {
  await execute(context, sectionsOf(cluster.text), cluster);
});
