import assert from 'node:assert/strict';
import test from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { alarmsText } from '../../../src/cli/alarms.js';
import { ago, statusLines } from '../../../src/cli/status-text.js';
import { workerMeant } from '../../../src/cli/workers.js';
import { clusterStatus } from '../../../src/controller/cluster-status.js';
import {
  AT,
  hostStatus,
  large,
  link,
  reached,
  small,
  unreached,
  worker,
} from '../controller/statuses.js';

const plain = (columns: number) => ({ columns, hasColours: false });

test('a cluster of which all is well', () => {
  const lines = statusLines(small(), plain(80));
  assert.deepEqual(lines.slice(0, 3), [
    'UP for 2 h, since 2026-01-01T10:00:00Z, as seen from h1',
    'all masters are in touch',
    'epoch 1 of lineage abcdef0123456789abcdef0123456789, revision 7',
  ]);
  const text = lines.join('\n');
  assert.match(text, /^h1 {4}sequencer {2}up .* 2 h /m);
  assert.match(text, /^h3 {4}slave /m);
  assert.match(text, /^a {6}up$/m);
  assert.match(text, /^h1 - h2 {2}a active \* 0 ms, b active 1 ms$/m);
  assert.equal(text.match(/ - /g)?.length, 3, 'each link once');
  assert.doesNotMatch(text, /alarm {2}code/);
});

test('what is wrong is named', () => {
  const status = small({
    links: [link('h2', { a: 'inactive' }), link('h3', { a: 'inactive', b: 'gray' })],
    isDrained: true,
  });
  const text = statusLines(status, plain(140)).join('\n');
  assert.match(text, /^a {6}PARTLY {2}h1 to h2: inactive, h1 to h3: inactive$/m);
  assert.match(text, /^b {6}GRAY {4}h1 to h3: slow$/m);
  assert.match(text, /^h1 {4}sequencer {2}up, drained/m);
});

test('a host that does not answer is shown, with since when', () => {
  const text = statusLines(clusterStatus(hostStatus('h1'), AT, [unreached('h2')]), plain(80));
  assert.match(text.join('\n'), /^h2 +NOT REACHED {2}2 h$/m);
});

test('nothing wraps and nothing is cut, at any width', () => {
  for (const columns of [80, 100, 140, 200]) {
    for (const status of [small(), large()]) {
      const lines = statusLines(status, plain(columns));
      for (const line of lines) assert.ok(line.length <= columns, `${columns}: ${line}`);
      const inColour = statusLines(status, { columns, hasColours: true });
      assert.deepEqual(inColour.map(stripVTControlCharacters), lines);
      const squeezed = lines.join('').replaceAll(' ', '');
      for (const { host } of status.hosts) assert.ok(host.length > 0);
      assert.ok(squeezed.includes(status.lineage as string));
    }
  }
});

test('more links and alarms than fit are counted', () => {
  const text = statusLines(large(), plain(140)).join('\n');
  assert.match(text, /^and \d+ more links, \d+ of them with paths missing$/m);
  assert.match(text, /^and 8 more: backplane alarms$/m);
});

test('of workers, what is wrong comes first', () => {
  const workers = [
    worker('api', { text: 'serves 3 clients' }),
    worker('db', { state: 'given-up', pid: null, restarts: 4, ending: 'by SIGSEGV' }),
    worker('old', { state: 'stopped', pid: null, isHeld: true }),
  ];
  const text = statusLines(small({ workers }), plain(140)).join('\n');
  const rows = text.slice(text.indexOf('worker  host')).split('\n').slice(1);
  assert.match(rows[0] ?? '', /^db +h1 +given-up +4 +has ended by SIGSEGV$/);
  assert.match(rows[1] ?? '', /^old +h1 +stopped \(by hand\) /);
  assert.match(rows[2] ?? '', /^api +h1 +ready +7 +0 +serves 3 clients$/);
  const many = Array.from({ length: 40 }, (_, i) => worker(`w${i}`));
  const long = statusLines(small({ workers: many }), plain(80)).join('\n');
  assert.match(long, /^and 28 more, all as they should be: backplane workers list$/m);
});

test('a worker is meant by its name, and its host where that is needed', () => {
  const status = clusterStatus(hostStatus('h1', { workers: [worker('api'), worker('one')] }), AT, [
    reached(hostStatus('h2', { workers: [worker('api')] })),
  ]);
  assert.equal(workerMeant(status, 'one').host, 'h1');
  assert.equal(workerMeant(status, 'api@h2').host, 'h2');
  const several = { code: 'ERR_ARGUMENT', message: /say api@h1, api@h2$/ };
  assert.throws(() => workerMeant(status, 'api'), several);
  assert.throws(() => workerMeant(status, 'api@h3'), { code: 'ERR_ARGUMENT' });
});

test('alarms are listed whole, with the hosts that were not asked', () => {
  const status = large();
  const text = alarmsText(status, plain(140));
  assert.equal(text.match(/partition-overlap/g)?.length, 20);
  assert.match(text, /not reached, and so not asked: host-1/);
  assert.equal(alarmsText(small(), plain(80)), 'no alarms\n');
});

test('times are told in one unit', () => {
  const cases = { '12:03:04': '0 s', '12:02:05': '59 s', '12:01:04': '2 min', '10:03:04': '2 h' };
  for (const [time, expected] of Object.entries(cases)) {
    assert.equal(ago(`2026-01-01T${time}.000Z`, AT), expected);
  }
  assert.equal(ago('2025-12-30T12:03:04.000Z', AT), '2 d');
  assert.equal(ago('2027-01-01T00:00:00.000Z', AT), '0 s', 'clocks of hosts differ');
});
