import test from 'node:test';
import { execute, limit, repairingSections } from './operating-pages.js';

test('what operators do in need works as it stands there', limit, async (context) => {
  await execute(context, repairingSections);
});
