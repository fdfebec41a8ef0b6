import assert from 'node:assert/strict';
import test from 'node:test';
import { profiles } from '../../../src/timing/profiles.js';
import { solve } from '../../../src/timing/solve.js';
import { promisesOf, worstCase } from '../../../src/timing/worst-case.js';
import { backplane } from './support.js';

test('tune prints every timer of a wish, and what it promises, as a table', () => {
  const { status, stdout, stderr } = backplane('tune', '--detect', '300 ms', '--rtt', '2ms');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  const { profile, promised } = solve({ detect: 300, rtt: 2 });
  for (const [field, value] of Object.entries(profile)) {
    const shown = typeof value === 'number' ? value.toLocaleString('en-US') : value;
    const line = field === 'name' ? `^Profile ${shown}, ` : `^${field} +${shown}$`;
    assert.match(stdout, new RegExp(line, 'm'));
  }
  assert.match(stdout, /2 planes, round trips up to 2 ms, losses 0 %, kernel tick 10 ms\./);
  assert.match(stdout, new RegExp(`^one path fails under traffic.* ${promised.busyPathMs}$`, 'm'));
  assert.doesNotMatch(stdout, /acts first/);
});

test('tune with json: the wish, the profile and the promises', () => {
  const options = ['--detect', '1s', '--loss', '0.1%', '--planes', '3', '--reroute', '50'];
  const { status, stdout } = backplane('tune', ...options, '--tick', '4', '--json');
  assert.equal(status, 0);
  const wish = { detectMs: 1000, rttMs: 1, lossRate: 0.001, planes: 3, rerouteMs: 50, tickMs: 4 };
  const found = solve(wish);
  const report = JSON.parse(stdout);
  assert.equal(report.command, 'tune');
  assert.equal(report.ok, true);
  assert.deepEqual(report.violations, []);
  assert.equal(report.profile, found.profile.name);
  assert.deepEqual(report.timers, found.profile);
  assert.deepEqual(report.promised, found.promised);
  assert.deepEqual(report.worstCase, found.worstCase);
  assert.deepEqual(report.wish, wish);
  assert.equal(report.actsFirst, 'network');
});

test('tune says which acts first where the network heals itself', () => {
  const first = (reroute: string) =>
    backplane('tune', '--detect', '1s', '--reroute', reroute).stdout;
  assert.match(first('50'), /The network acts first/);
  assert.match(first('30s'), /SCTP acts first/);
});

test('a wish that cannot be kept: the reason, and exit code 1', () => {
  const { status, stdout, stderr } = backplane('tune', '--detect', '50');
  assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
  assert.match(stderr, /^backplane: ERR_PROFILE_UNSOLVABLE: .*5 ticks .* Ask for 110 ms or more/);
  const json = backplane('tune', '--detect', '50', '--json');
  assert.equal(json.status, 1);
  const report = JSON.parse(json.stdout);
  assert.equal(report.ok, false);
  assert.match(report.violations[0], /5 ticks/);
  const { code, constraint, leastDetectMs, wish } = report;
  assert.deepEqual(
    { code, constraint, leastDetectMs, wish },
    {
      code: 'ERR_PROFILE_UNSOLVABLE',
      constraint: 'tick',
      leastDetectMs: 110,
      wish: { detect: 50 },
    },
  );
});

test('tune shows a profile of the package, and where it does not hold', () => {
  const { status, stdout } = backplane('tune', '--profile', 'mesh', '--json');
  assert.equal(status, 0);
  const report = JSON.parse(stdout);
  assert.deepEqual(report.timers, profiles.mesh);
  assert.deepEqual(report.promised, promisesOf(worstCase(profiles.mesh, { rttMs: 1 })));
  const far = backplane('tune', '--profile', 'lan', '--rtt', '200');
  assert.equal(far.status, 1);
  assert.match(far.stderr, /rtoMaxMs 100 must be over the round trip of 200 ms/);
  const both = JSON.parse(
    backplane('tune', '--profile', 'lan', '--reroute', '50', '--json').stdout,
  );
  assert.equal(both.ok, false);
  assert.match(both.violations[0], /both would act/);
  assert.equal(both.actsFirst, undefined);
  const slow = JSON.parse(
    backplane('tune', '--profile', 'lan', '--reroute', '2s', '--json').stdout,
  );
  assert.equal(slow.actsFirst, 'sctp');
});

test('wrong use of tune ends with 2', () => {
  const cases = [
    [],
    ['--detect', '300', '--profile', 'lan'],
    ['--detect', 'soon'],
    ['--detect', '300', '--loss', '2'],
    ['--detect', '300', '--planes', '0'],
    ['--profile', 'fast'],
    ['--speed', '1'],
  ];
  for (const args of cases) {
    const { status, stdout, stderr } = backplane('tune', ...args);
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^error: /);
  }
  assert.equal(backplane('tune', '--help').status, 0);
});
