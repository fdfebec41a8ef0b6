import assert from 'node:assert/strict';
import test from 'node:test';
import { clusterStatus } from '../../../src/controller/cluster-status.js';
import { encodeHostStatus, readHostStatus } from '../../../src/controller/host-status.js';
import { hostStatus, link, reached, worker } from './statuses.js';

const AT = '2026-01-01T12:00:00.000Z';

test('the sequencer knows best how the cluster is', () => {
  const own = hostStatus('h3', { role: 'slave', condition: 'up', why: 'as seen here' });
  const sequencer = hostStatus('h1', {
    role: 'sequencer',
    condition: 'degraded',
    why: 'a master cannot store',
    revision: 8,
  });
  const status = clusterStatus(own, AT, [reached(sequencer)]);
  assert.deepEqual([status.condition, status.why], ['degraded', 'a master cannot store']);
  assert.equal(status.revision, 8);
  assert.equal(status.by, 'h3');
  assert.deepEqual(
    status.hosts.map(({ host }) => host),
    ['h1', 'h3'],
  );
  const foreign = { ...sequencer, lineage: 'other' };
  assert.equal(clusterStatus(own, AT, [reached(foreign)]).condition, 'up');
});

test('nobody is the sequencer by its own word', () => {
  const own = hostStatus('h3', { condition: 'degraded', why: 'as seen here' });
  const liar = hostStatus('h2', { role: 'sequencer', condition: 'up', why: 'as it says' });
  assert.equal(clusterStatus(own, AT, [reached(liar)]).why, 'as seen here');
});

test('a plane is judged over all links that were told', () => {
  const stateOf = (...links: ReturnType<typeof link>[]) => {
    const { planes } = clusterStatus(hostStatus('h1', { links }), AT, []);
    return planes.map(({ name, state }) => `${name} ${state}`);
  };
  assert.deepEqual(stateOf(), ['a unused', 'b unused']);
  assert.deepEqual(stateOf(link('h2', {})), ['a up', 'b up']);
  const cut = link('h2', { a: 'inactive' });
  assert.deepEqual(stateOf(cut), ['a down', 'b up']);
  assert.deepEqual(stateOf(cut, link('h3', {})), ['a partly', 'b up']);
  const slow = link('h3', { b: 'gray' });
  assert.deepEqual(stateOf(link('h2', {}), slow), ['a up', 'b gray']);
  assert.deepEqual(stateOf(cut, slow), ['a partly', 'b gray']);
});

test('alarms of all hosts stand together, the worst first', () => {
  const alarm = (severity: string, since: string) => {
    return { severity, code: 'c', object: 'o', plane: null, text: 't', since };
  };
  const own = hostStatus('h1', { alarms: [alarm('minor', '1'), alarm('odd', '0')] });
  const other = hostStatus('h2', { alarms: [alarm('critical', '3'), alarm('minor', '0')] });
  const { alarms } = clusterStatus(own, AT, [reached(other)]);
  assert.deepEqual(
    alarms.map(({ host, severity, since }) => `${host} ${severity} ${since}`),
    ['h2 critical 3', 'h2 minor 0', 'h1 minor 1', 'h1 odd 0'],
  );
});

test('a status is read as it was told, also with fields that are not known', () => {
  const status = hostStatus('h1', { links: [link('h2', {})], workers: [worker('a')] });
  assert.deepEqual(readHostStatus(encodeHostStatus(status), 'h1'), status);
  const newer = Buffer.from(JSON.stringify({ ...status, mood: 'good' }));
  assert.ok(readHostStatus(newer, 'h1') !== null);
});

test('what is no status is none', () => {
  const status = hostStatus('h1', { links: [link('h2', {})] });
  const [first] = status.links;
  const bad: unknown[] = [
    null,
    'status',
    {},
    status,
    Buffer.from('{'),
    Buffer.from('null'),
    ...[
      { ...status, pid: '1' },
      { ...status, epoch: 'one' },
      { ...status, masters: [1] },
      { ...status, planes: [{ name: 'a' }] },
      { ...status, alarms: [null] },
      { ...status, links: [{ ...first, paths: null }] },
      { ...status, links: [{ ...first, paths: [{ plane: 'a' }] }] },
      { ...status, workers: [{ ...worker('a'), pid: 'x' }] },
      { ...status, problems: [1] },
    ].map((each) => Buffer.from(JSON.stringify(each))),
  ];
  for (const each of bad) assert.equal(readHostStatus(each, 'h1'), null, String(each));
  assert.equal(readHostStatus(encodeHostStatus(status), 'h2'), null, 'the status of another host');
});
