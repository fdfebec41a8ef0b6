import assert from 'node:assert/strict';
import test from 'node:test';
import { SctpError } from '../../../src/errors.js';
import { checkProfiles } from '../../../src/node/profile-rules.js';
import { profiles } from '../../../src/timing/profiles.js';
import { resolveProfile } from '../../../src/timing/resolve.js';
import { addressesOf, Cluster, type Member, target, words } from './cluster.js';

const { lan, wan } = profiles;

test('a rule for a name comes before one for its host, and that before the node itself', () => {
  const rules = checkProfiles(
    { 'one@far': 'rfc', '*@far': 'wan', 'two@near': { rtoMinMs: 60 } },
    lan,
    resolveProfile,
  );
  assert.equal(rules.of('one@far').name, 'rfc');
  assert.equal(rules.of('two@far').name, 'wan');
  assert.equal(rules.of('two@near').rtoMinMs, 60);
  assert.equal(rules.of('one@near'), lan);
  // Names of strangers, who may claim anything.
  for (const name of ['', '@', '__proto__', 'constructor', 'far', '*@far@far']) {
    assert.equal(rules.of(name), lan, name);
  }
});

test('rules that say nothing, or nothing that holds, are refused', () => {
  const bad: [unknown, string][] = [
    [null, 'ERR_ARGUMENT'],
    [['wan'], 'ERR_ARGUMENT'],
    [{ far: 'wan' }, 'ERR_ARGUMENT'],
    [{ '*@': 'wan' }, 'ERR_ARGUMENT'],
    [{ '*@far': 'fast' }, 'ERR_PROFILE_INVALID'],
    [{ '*@far': { sackDelayMs: 200 } }, 'ERR_PROFILE_INVALID'],
  ];
  for (const [rules, code] of bad) {
    assert.throws(() => checkProfiles(rules, lan, resolveProfile), { code }, JSON.stringify(rules));
  }
  assert.equal(checkProfiles(undefined, wan, resolveProfile).of('one@far'), wan);
});

/** What the carriers of a member were given after they were made. */
function retimed(cluster: Cluster, { host }: Member): string[] {
  return [...cluster.network.carriers]
    .filter(({ localAddresses }) => localAddresses.includes(addressesOf(host)[0]))
    .flatMap((carrier) => carrier.retimed.map(({ name }) => name));
}

test('an accepted association gets the timers of its link, a dialled one has them', async () => {
  const cluster = new Cluster();
  const near = await cluster.start('near', 1, { profiles: { '*@host2': 'wan' } });
  const far = await cluster.start('far', 2, { profile: 'wan' });
  await cluster.link(far, near);
  assert.deepEqual(retimed(cluster, near), ['wan']);
  assert.deepEqual(retimed(cluster, far), []);

  const other = await cluster.start('other', 3, { profile: 'wan' });
  const up = near.node.connect({ ...target(other), profile: 'wan' });
  await cluster.until(up);
  assert.deepEqual(retimed(cluster, other), []);
});

test('a profile for one peer holds whoever dials, and ends with that peer', async () => {
  const cluster = new Cluster();
  const far = await cluster.start('far', 2, { profile: 'wan' });
  const near = await cluster.start('near', 1, { peers: [{ ...target(far), profile: 'wan' }] });
  await cluster.link(far, near);
  await cluster.until(near.node.disconnect(far.node.name));
  // Told nothing more of that peer, the node takes its own profile again.
  await cluster.until(new Promise<void>((resolve) => far.node.once('dialFailed', () => resolve())));
  assert.deepEqual(words(far.diary, 'dialFailed'), ['dialFailed ERR_PROFILE_MISMATCH']);
});

test('where only one end has another profile, the two are told that they do not fit', async () => {
  const cluster = new Cluster();
  const near = await cluster.start('near', 1);
  const far = await cluster.start('far', 2, { profiles: { 'near@host1': 'wan' } });
  void far.node.connect(target(near)).catch(() => {});
  await cluster.run(50);
  assert.deepEqual(words(far.diary, 'dialFailed'), ['dialFailed ERR_PROFILE_MISMATCH']);
  assert.deepEqual(words(near.diary, 'refused'), ['refused ERR_PROFILE_MISMATCH']);
  await cluster.until(far.node.close());
});

test('an association that does not take its timers is no link', async () => {
  const cluster = new Cluster();
  const near = await cluster.start('near', 1, { profiles: { '*@host2': 'wan' } });
  const far = await cluster.start('far', 2, { profile: 'wan' });
  void far.node.connect(target(near)).catch(() => {});
  const failure = new SctpError('ERR_OPTION_REJECTED', 'option rto: the kernel holds another');
  while (near.diary.length === 0) {
    for (const carrier of cluster.network.carriers) carrier.retimeFailure = failure;
    await cluster.run(1);
  }
  assert.deepEqual(words(near.diary, 'nodeup', 'refused'), ['refused ERR_PROFILE_MISMATCH']);
  assert.match(near.diary[0]?.[0] === 'refused' ? near.diary[0][1].error.message : '', /rto/);
  await cluster.until(far.node.close());
});

test('one cut, two promises: a node with a near and a far peer keeps both', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, { profiles: { 'far@host3': 'wan' } });
  const near = await cluster.start('near', 2);
  const far = await cluster.start('far', 3, { profile: 'wan' });
  await cluster.link(near, one);
  await cluster.link(far, one);
  for (const address of addressesOf(1)) cluster.network.cut(address);
  for (const host of [2, 3]) {
    for (const address of addressesOf(host)) cluster.network.cut(address);
  }
  const downs = (member: Member) =>
    member.diary.flatMap(([event, payload]) => (event === 'nodedown' ? [payload.name] : []));
  await cluster.run(lan.outageMs - lan.beatMs);
  assert.deepEqual(downs(one), []);
  await cluster.run(2 * lan.beatMs);
  assert.deepEqual(downs(one), ['near@host2']);
  assert.deepEqual(downs(near), ['one@host1']);
  await cluster.run(wan.outageMs - lan.outageMs - lan.beatMs - wan.beatMs);
  assert.deepEqual(downs(one), ['near@host2']);
  await cluster.run(2 * wan.beatMs);
  assert.deepEqual(downs(one), ['near@host2', 'far@host3']);
  assert.deepEqual(downs(far), ['one@host1']);
});
