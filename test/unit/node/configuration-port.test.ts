import assert from 'node:assert/strict';
import test from 'node:test';
import { ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { profiles } from '../../../src/timing/profiles.js';
import { linkedPair, words } from './cluster.js';

test('replicas speak over the link in order, whatever programs hold up', async () => {
  const { cluster, one, two } = await linkedPair();
  const heard: string[] = [];
  const port = one.node.openConfiguration(() => {});
  two.node.openConfiguration((from, body) => heard.push(`${from} ${body.toString()}`));
  two.node.handle('slow', () => new Promise(() => {}));
  const body = Buffer.alloc(60_000);
  for (let sent = 0; sent < 2 * limits.smallCreditBytes; sent += body.length) {
    one.node.send('two@host2', 'slow', body);
  }
  await cluster.run(100);
  const outcomes: string[] = [];
  for (const word of ['a', 'b', 'c']) {
    assert.ok(port.send('two@host2', Buffer.from(word), ({ type }) => outcomes.push(type)));
  }
  // They are acknowledged with the next beat.
  await cluster.run(profiles.lan.beatMs);
  assert.deepEqual(heard, ['one@host1 a', 'one@host1 b', 'one@host1 c']);
  assert.deepEqual(outcomes, ['delivered', 'delivered', 'delivered']);
});

test('who has no configuration, or none any more, refuses what is said of it', async () => {
  const { cluster, one, two } = await linkedPair();
  const port = one.node.openConfiguration(() => {});
  const codes: (string | undefined)[] = [];
  const say = () =>
    port.send('two@host2', Buffer.from('a'), (outcome) =>
      codes.push(outcome.type === 'delivered' ? outcome.code : outcome.type),
    );
  say();
  await cluster.run(100);
  const other = two.node.openConfiguration(() => {});
  assert.throws(() => two.node.openConfiguration(() => {}), { code: 'ERR_STATE' });
  say();
  await cluster.run(100);
  other.close();
  say();
  await cluster.run(100);
  two.node.openConfiguration(() => {});
  other.close();
  say();
  await cluster.run(profiles.lan.beatMs);
  assert.deepEqual(codes, ['ERR_NO_HANDLER', undefined, 'ERR_NO_HANDLER', undefined]);
});

test('without a link nothing is sent; what is too large is not taken', async () => {
  const { one } = await linkedPair();
  const port = one.node.openConfiguration(() => {});
  assert.equal(
    port.send('three@host3', Buffer.from('a'), () => assert.fail()),
    false,
  );
  const large = Buffer.alloc(limits.bundleBytes);
  assert.throws(() => port.send('two@host2', large), { code: 'ERR_MESSAGE_TOO_LARGE' });
});

test('a replica that is told nonsense ends the link', async () => {
  const { cluster, one, two } = await linkedPair();
  const port = one.node.openConfiguration(() => {});
  two.node.openConfiguration(() => {
    throw new ProtocolError('ERR_PROTOCOL', 'nonsense');
  });
  port.send('two@host2', Buffer.from('a'));
  await cluster.run(50);
  assert.deepEqual(words(two.diary, 'nodedown'), ['nodedown refused']);
});
