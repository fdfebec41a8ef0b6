import test from 'node:test';
import { execute, limit, operatingSections } from './operating-pages.js';

test('what operators do day by day works as it stands there', limit, async (context) => {
  await execute(context, operatingSections);
});
