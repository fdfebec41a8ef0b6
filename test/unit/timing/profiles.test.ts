import assert from 'node:assert/strict';
import test from 'node:test';
import { ProfileError } from '../../../src/errors.js';
import { checkProfile, compatible, type PeerTiming, timingOf } from '../../../src/timing/check.js';
import { type Profile, profiles } from '../../../src/timing/profiles.js';
import { type ProfileWish, resolveProfile } from '../../../src/timing/resolve.js';
import { promisesOf, worstCase } from '../../../src/timing/worst-case.js';

const invalid = (words: RegExp) => (error: unknown) =>
  error instanceof ProfileError &&
  error.code === 'ERR_PROFILE_INVALID' &&
  words.test(error.message);

const lan = (changes: Partial<Profile>): Profile => ({ ...profiles.lan, ...changes });

test('the profiles of the package keep all rules, also on a kernel of 100 ticks a second', () => {
  for (const profile of Object.values(profiles)) {
    checkProfile(profile, { tickMs: 10 });
    assert.equal(compatible(timingOf(profile), timingOf(profile)), null);
  }
});

const broken: readonly (readonly [string, Partial<Profile>, RegExp])[] = [
  ['RTO.Min over RTO.Initial', { rtoInitialMs: 40 }, /rtoMinMs 50 <= rtoInitialMs 40/],
  ['RTO.Initial over RTO.Max', { rtoMaxMs: 90 }, /rtoMaxMs 90/],
  ['SACK delay over half of RTO.Min', { sackDelayMs: 26 }, /sackDelayMs 26 .* half of rtoMinMs 50/],
  ['PF threshold with no error left for it', { pfThreshold: 2 }, /exceed pfThreshold 2 by 2/],
  ['Path.Max.Retrans 1', { pathMaxRetransmits: 1 }, /pathMaxRetransmits 1/],
  [
    'switch-over under the PF threshold',
    { pfThreshold: 1, primarySwitchover: 0 },
    /primarySwitchover 0 is under pfThreshold 1/,
  ],
  ['a failover that looks like a stall', { stallMs: 330 }, /stallMs 330 must be over beatMs 200/],
  ['stall over outage', { stallMs: 1700 }, /stallMs 1700 is over outageMs 1600/],
  [
    'planes x failover over outage',
    { rtoMinMs: 400, stallMs: 1000, outageMs: 1000, beatMs: 100, rtoInitialMs: 400, rtoMaxMs: 800 },
    /outageMs 1000 must be over 2 planes/,
  ],
  [
    'an association that dies before the outage',
    { associationMaxRetransmits: 5 },
    /outageMs 1600 must be under/,
  ],
  ['jitter over half a beat', { beatJitterMs: 101 }, /beatJitterMs 101 is over half of beatMs 200/],
  ['a call shorter than a stall', { callDeadlineMs: 1000 }, /callDeadlineMs 1000 .* stallMs 1000/],
  [
    'a change of the configuration shorter than a stall',
    { configurationDeadlineMs: 1000 },
    /configurationDeadlineMs 1000 must be over stallMs 1000/,
  ],
];

for (const [what, changes, words] of broken) {
  test(`refused in words: ${what}`, () => {
    assert.throws(() => checkProfile(lan(changes)), invalid(words));
  });
}

test('RTO.Min under five ticks is refused where the tick is known', () => {
  const short = lan({ rtoMinMs: 40, sackDelayMs: 20 });
  checkProfile(short);
  assert.throws(() => checkProfile(short, { tickMs: 10 }), invalid(/under 5 ticks/));
  checkProfile(short, { tickMs: 4 });
});

test('values that are no whole number, or out of range, are refused by name', () => {
  for (const value of [
    Number.NaN,
    -1,
    1.5,
    Number.POSITIVE_INFINITY,
    0,
    '50' as unknown as number,
  ]) {
    assert.throws(() => checkProfile(lan({ rtoMinMs: value })), invalid(/rtoMinMs must be/));
  }
  assert.throws(() => checkProfile(lan({ sackDelayMs: 501 })), invalid(/sackDelayMs/));
  assert.throws(() => checkProfile(lan({ name: '' })), invalid(/name/));
});

test('a profile is resolved from a name, from overrides, from a whole one, or is lan', () => {
  assert.equal(resolveProfile(), profiles.lan);
  assert.equal(resolveProfile('wan'), profiles.wan);
  const own = resolveProfile({ base: 'wan', heartbeatIntervalMs: 1500 });
  assert.deepEqual(own, { ...profiles.wan, name: 'wan+', heartbeatIntervalMs: 1500 });
  assert.deepEqual(resolveProfile({ ...profiles.rfc, name: 'mine' }), {
    ...profiles.rfc,
    name: 'mine',
  });
});

test('a wish with an unknown name or field, or of another type, is refused', () => {
  const bad = (wish: unknown) => () => resolveProfile(wish as ProfileWish);
  assert.throws(bad('fast'), invalid(/no profile 'fast'; there are lan, wan, rfc, mesh/));
  assert.throws(bad('toString'), invalid(/no profile/));
  assert.throws(bad({ base: 'lan', rtoMin: 5 }), invalid(/no field 'rtoMin'/));
  assert.throws(bad(null), invalid(/a name or an object/));
  assert.throws(bad(7), invalid(/a name or an object/));
  assert.throws(bad({ stallMs: 330 }), invalid(/lan\+/));
});

test('lan promises: gap under 0.1 s, stall under 1.5 s, all planes dead under 2.5 s', () => {
  const promise = worstCase(profiles.lan);
  assert.equal(promise.rtoMs, 60);
  assert.equal(promise.busyGapMs, 60);
  assert.equal(promise.busySwitchMs, 60);
  assert.equal(promise.backedOffGapMs, 110);
  assert.equal(promise.idlePotentiallyFailedMs, 1180);
  assert.ok(promise.stalledMs <= 1500);
  assert.ok(promise.allPathsDeadMs <= 2500);
  assert.ok(promise.associationLimitMs > 10_000);
});

test('kernel defaults without PF: 32 s of silence, 63 s until all traffic has moved', () => {
  const old = { ...profiles.rfc, pfThreshold: 65_535 };
  const promise = worstCase(old, { tickMs: 0 });
  assert.equal(promise.busyGapMs, 32_000);
  assert.equal(promise.busySwitchMs, 63_000);
  assert.equal(promise.idlePotentiallyFailedMs, promise.idleInactiveMs);
});

test('kernel defaults: one RTO of silence, an idle failure is noticed in 60 to 70 s', () => {
  const promise = worstCase(profiles.rfc, { tickMs: 0 });
  assert.equal(promise.busyGapMs, 1000);
  assert.equal(promise.idlePotentiallyFailedMs, 63_000);
  // Measured: 77.5 s until the association died.
  assert.equal(promise.associationLimitMs, 63_000);
});

test('each step of the PF threshold doubles the gap, up to RTO.Max', () => {
  const gap = (pfThreshold: number) =>
    worstCase(lan({ pfThreshold, pathMaxRetransmits: 9 }), { tickMs: 0 }).busyGapMs;
  assert.deepEqual([0, 1, 2, 3].map(gap), [50, 100, 100, 100]);
});

test('a PF threshold, and an RTO that was raised before: the time until all has moved', () => {
  const tolerant = lan({ pfThreshold: 1, pathMaxRetransmits: 4 });
  const promise = worstCase(tolerant);
  assert.equal(promise.busySwitchMs, 60 + 110);
  assert.equal(promise.backedOffSwitchMs, 110 + 110);
  assert.equal(promise.busyPathMs, 220);
  assert.equal(promise.allPathsDeadMs, worstCase(profiles.lan).allPathsDeadMs + 2 * 110);
});

test('losses in a row: what they add to a cut, and how long they hold a frame up', () => {
  const promise = worstCase(profiles.lan, { lossRate: 0.01 });
  // 2 in a row after a cut, each for two paths; 5 in a row at any time.
  assert.equal(promise.busyPathMs, 110 + (60 + 3 * 110));
  assert.equal(promise.lossHoldMs, 60 + 4 * 110);
  const { lossHoldMs, busyPathMs } = worstCase(profiles.lan);
  assert.deepEqual([lossHoldMs, busyPathMs], [0, 110]);
});

test('in short: busy path, idle path, all paths, stall', () => {
  assert.deepEqual(promisesOf(worstCase(profiles.lan)), {
    busyPathMs: 110,
    idlePathMs: 1180,
    allPathsMs: 2120,
    stallMs: 1100,
  });
});

test('mesh: beat and heartbeat 2 s, stall 6 s, outage 10 s, jittered', () => {
  const { mesh } = profiles;
  const { beatMs, heartbeatIntervalMs, stallMs, outageMs } = mesh;
  assert.deepEqual([beatMs, heartbeatIntervalMs, stallMs, outageMs], [2000, 2000, 6000, 10_000]);
  assert.ok(mesh.beatJitterMs > 0);
  assert.equal(profiles.lan.beatJitterMs, 0);
  assert.equal(resolveProfile('mesh'), mesh);
  assert.equal(resolveProfile({ base: 'mesh', beatMs: 1000 }).name, 'mesh+');
  assert.ok(worstCase(mesh).busyPathMs < 500);
});

test('a round trip over RTO.Min is what decides, up to RTO.Max', () => {
  assert.equal(worstCase(profiles.lan, { rttMs: 80, tickMs: 1 }).rtoMs, 85);
  assert.equal(worstCase(profiles.lan, { rttMs: 5000, tickMs: 1 }).rtoMs, 101);
});

test('one slow round trip may hold RTO at 35 ticks; RTO.Max bounds what that costs', () => {
  const gap = (tickMs: number) => worstCase(lan({ rtoMaxMs: 400 }), { tickMs }).backedOffGapMs;
  assert.deepEqual([10, 4, 1].map(gap), [360, 144, 102]);
  assert.equal(worstCase(profiles.lan, { tickMs: 10 }).backedOffGapMs, 110);
});

const timing = (changes: Partial<PeerTiming> = {}): PeerTiming => ({
  ...timingOf(profiles.lan),
  ...changes,
});

test('a peer whose SACK delay is over half of our RTO.Min is refused, in either direction', () => {
  const late = timing({ sackDelayMs: 26 });
  for (const [local, peer] of [
    [timing(), late],
    [late, timing()],
  ] as const) {
    const error = compatible(local, peer);
    assert.equal(error?.code, 'ERR_PROFILE_MISMATCH');
    assert.match(error.message, /SACK delay of 26 ms is over half of .* RTO.Min of 50 ms/);
  }
  assert.equal(compatible(timing(), timing({ sackDelayMs: 25 })), null);
});

test('a peer that beats too seldom for our stall time is refused, in either direction', () => {
  const seldom = timing({ beatMs: 900 });
  for (const [local, peer] of [
    [timing(), seldom],
    [seldom, timing()],
  ] as const) {
    const error = compatible(local, peer);
    assert.equal(error?.code, 'ERR_PROFILE_MISMATCH');
    assert.match(error.message, /beats every 900 ms/);
  }
});

test('the profiles of the package do not go together with each other, but for wan and mesh', () => {
  const all = Object.values(profiles);
  for (const one of all) {
    for (const other of all) {
      const code = compatible(timingOf(one), timingOf(other))?.code;
      const slow = [profiles.wan, profiles.mesh];
      const isFine = one === other || (slow.includes(one) && slow.includes(other));
      const expected = isFine ? undefined : 'ERR_PROFILE_MISMATCH';
      assert.equal(code, expected, `${one.name} and ${other.name}`);
    }
  }
});

test('the worst case is that of a whole profile, and not of its name', () => {
  const { rtoMinMs: _, ...half } = profiles.lan;
  const bad: unknown[][] = [['lan'], [], [null], [{}], [half], [profiles.lan, null]];
  for (const given of [...bad, [profiles.lan, { rttMs: 'slow' }]]) {
    const compute = () => (worstCase as (...args: unknown[]) => void)(...given);
    assert.throws(compute, { name: 'ProfileError', code: 'ERR_ARGUMENT' });
  }
});
