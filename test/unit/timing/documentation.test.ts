import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ProfileError } from '../../../src/errors.js';
import { type Profile, profiles } from '../../../src/timing/profiles.js';
import { solve } from '../../../src/timing/solve.js';
import type { WishInWords } from '../../../src/timing/wish.js';
import { promisesOf, worstCase } from '../../../src/timing/worst-case.js';
import { projectRoot } from '../rules/sources.js';

const page = readFileSync(join(projectRoot, 'docs/timing.md'), 'utf8');

/** The cells of the row that begins so. */
function row(first: string): string[] {
  const line = page
    .split('\n')
    .find((text) => text.startsWith(first === '' ? '| | ' : `| ${first} |`));
  assert.ok(line !== undefined, first);
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

const seconds = (ms: number) => `${Math.round(ms / 100) / 10}`;

test('docs/timing.md tells the timers of each profile as they are', () => {
  const names = row('').slice(1) as (keyof typeof profiles)[];
  assert.deepEqual(
    names,
    Object.keys(profiles).map((name) => `\`${name}\``),
  );
  const expect = (first: string, cell: (p: Profile) => string) =>
    assert.deepEqual(row(first), [first, ...Object.values(profiles).map(cell)]);
  expect('stall / outage', (p) => `${seconds(p.stallMs)} / ${seconds(p.outageMs)} s`);
  expect('Association.Max.Retrans', (p) => `${p.associationMaxRetransmits}`);
  expect('Path.Max.Retrans, PF threshold', (p) => `${p.pathMaxRetransmits}, ${p.pfThreshold}`);
  expect(
    'deadline of calls / of configuration',
    (p) => `${seconds(p.callDeadlineMs)} / ${seconds(p.configurationDeadlineMs)} s`,
  );
  expect('RTO initial / min / max', ({ rtoInitialMs, rtoMinMs, rtoMaxMs }) => {
    const isLong = rtoMinMs >= 1000;
    const unit = isLong ? 's' : 'ms';
    const [a, b, c] = [rtoInitialMs, rtoMinMs, rtoMaxMs].map((ms) => (isLong ? ms / 1000 : ms));
    return `${a} / ${b} / ${c} ${unit}`;
  });
});

test('docs/timing.md tells the promises as worstCase computes them', () => {
  const lan = promisesOf(worstCase(profiles.lan));
  const ms = (value: number) => `${value.toLocaleString('en-US')} ms`;
  assert.equal(row('one plane fails without traffic: reported')[1], ms(lan.idlePathMs));
  assert.equal(row("the peer's process stops: stalled")[1], ms(lan.stallMs));
  assert.equal(row('all planes fail: the link is given up')[1], ms(lan.allPathsMs));
  const busy = row('one plane fails under traffic, whatever was before').slice(1);
  assert.deepEqual(
    busy,
    [profiles.wan, profiles.rfc, profiles.mesh].map((profile) => {
      const { busyPathMs } = worstCase(profile);
      return busyPathMs < 1000 ? `${busyPathMs} ms` : `${(busyPathMs / 1000).toFixed(1)} s`;
    }),
  );
});

test('docs/timing.md tells refusals that are so', () => {
  for (const constraint of ['tick', 'rtt', 'loss', 'reroute']) {
    const [, , example] = row(`\`${constraint}\``);
    const options = [...example!.matchAll(/--(\w+) ([\w%]+)/g)];
    const wish = Object.fromEntries(options.map(([, name, value]) => [name, value]));
    assert.throws(
      () => solve(wish as unknown as WishInWords),
      (error) => error instanceof ProfileError && error.constraint === constraint,
    );
    const told = Number(/: (\d+) ms/.exec(example!)?.[1]);
    assert.equal(solve({ ...wish, detect: told } as WishInWords).promised.busyPathMs, told);
  }
});
