import assert from 'node:assert/strict';
import { on } from 'node:events';
import test from 'node:test';
import { booted } from '../controller/booted.js';
import { controlled } from './controlled.js';

const limit = { timeout: 200_000 };

test('output of a worker is followed until it is interrupted', limit, async (context) => {
  const { controllers, said } = await booted(context);
  const begin = await controlled(context, controllers[0]);
  for (const [json, wanted] of [
    [[], 'api was\napi is\n'],
    [['--json'], '{"output":"api was\\n"}\n{"output":"api is\\n"}\n'],
  ] as const) {
    const { child, ended } = begin('workers', 'logs', 'api@h3', '--follow', ...json);
    let seen = '';
    for await (const [piece] of on(child.stdout, 'data')) {
      seen += piece;
      if (seen === wanted) break;
    }
    child.kill('SIGINT');
    const { status, stdout, stderr } = await ended;
    assert.deepEqual([status, stderr], [0, '']);
    const last = stdout.slice(wanted.length);
    if (json.length === 0) assert.equal(last, '');
    else assert.deepEqual(JSON.parse(last).verb, 'logs');
  }
  assert.deepEqual(said, ['h3 unfollow api', 'h3 unfollow api']);
});

test('a worker that is not, or not only, there is not followed', limit, async (context) => {
  const { controllers } = await booted(context);
  const begin = await controlled(context, controllers[0]);
  const none = await begin('workers', 'logs', 'nobody', '-f').ended;
  assert.deepEqual([none.status, none.stdout], [1, '']);
  assert.match(none.stderr, /^backplane: ERR_ARGUMENT: there is no worker nobody; see /);
  const several = await begin('workers', 'logs', 'api', '-f').ended;
  assert.match(several.stderr, /several hosts have a worker api: say api@h1, api@h2, api@h3\n$/);
});
