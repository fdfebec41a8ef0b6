import assert from 'node:assert/strict';
import test from 'node:test';
import type { ConfigView } from '../../../src/config/view.js';
import { checkOrder, HostWorkers } from '../../../src/controller/host-workers.js';
import { WorkerError } from '../../../src/errors.js';
import { systemRuntime } from '../../../src/runtime/index.js';
import type { Workers } from '../../../src/workers/workers.js';

/** Supervision that notes what it is told. */
class Noted {
  readonly said: string[] = [];
  readonly problems: string[] = [];
  readonly workers: HostWorkers;

  constructor() {
    const supervision = {
      desire: ({ workers }: { workers: { name: string }[] }) => {
        this.said.push(`desire ${workers.map(({ name }) => name)}`);
      },
      suspend: (reason: string, isOn: boolean) => {
        if (isOn) this.said.push(`suspend ${reason}`);
      },
      restart: (worker: string) => {
        if (worker !== 'api') throw new WorkerError('ERR_WORKER_UNKNOWN', `no ${worker}`);
        this.said.push(`restart ${worker}`);
      },
      logs: async () => 'its output',
      view: () => ({ workers: [], groups: [], suspended: [] }),
    } as unknown as Workers;
    this.workers = new HostWorkers(supervision, 'h1', systemRuntime, ({ message }) => {
      this.problems.push(message);
    });
  }

  /** What was said since the last time. */
  take(): string[] {
    return this.said.splice(0);
  }
}

function viewOf(values: Readonly<Record<string, unknown>>): ConfigView {
  const effective = Object.entries(values)
    .filter(([key]) => key.startsWith('hosts/h1/'))
    .map(([key, value]) => ({ key: key.slice('hosts/h1/'.length), value, origin: key, hides: [] }));
  return {
    get: (key: string) => (key in values ? { value: values[key] } : null),
    effective: () => effective,
  } as unknown as ConfigView;
}

const API = { 'hosts/h1/workers/api': { command: ['api'] } };

test('workers are desired when they change, and then alone', () => {
  const noted = new Noted();
  noted.workers.follow(viewOf(API), 'up');
  assert.deepEqual(noted.take(), ['desire api']);
  noted.workers.follow(viewOf({ ...API, 'cluster/a': 1 }), 'up');
  assert.deepEqual(noted.take(), []);
  noted.workers.follow(viewOf({}), 'up');
  assert.deepEqual(noted.take(), ['desire ']);
});

test('a description that cannot be used is told once', () => {
  const noted = new Noted();
  const bad = { ...API, 'hosts/h1/workers/bad': { command: [] } };
  noted.workers.follow(viewOf(bad), 'up');
  noted.workers.follow(viewOf({ ...bad, 'cluster/a': 1 }), 'up');
  assert.equal(noted.problems.length, 1);
  assert.match(noted.problems[0] ?? '', /^bad: /);
  assert.deepEqual(noted.workers.problems, noted.problems);
  noted.workers.follow(viewOf(API), 'up');
  assert.deepEqual(noted.workers.problems, []);
});

test('nothing runs on a drained host, nor without a master where that is the policy', () => {
  const noted = new Noted();
  const drained = viewOf({ 'hosts/h1/drained': true });
  noted.workers.suspend(drained, 'up');
  assert.deepEqual(noted.take(), ['suspend drain']);
  const stop = viewOf({ 'cluster/policy/when-down': 'stop' });
  for (const condition of ['starting', 'up', 'degraded'] as const) {
    noted.workers.suspend(stop, condition);
    assert.deepEqual(noted.take(), [], condition);
  }
  noted.workers.suspend(stop, 'down');
  assert.deepEqual(noted.take(), ['suspend down']);
  noted.workers.suspend(viewOf({}), 'down');
  assert.deepEqual(noted.take(), [], 'they are kept, unless told otherwise');
});

test('an order is obeyed, or answered with its code', async () => {
  const noted = new Noted();
  assert.deepEqual(await noted.workers.obey({ command: 'restart', worker: 'api' }), { text: '' });
  assert.deepEqual(noted.take(), ['restart api']);
  const logs = await noted.workers.obey({ command: 'logs', worker: 'api' });
  assert.deepEqual(logs, { text: 'its output' });
  const unknown = await noted.workers.obey({ command: 'restart', worker: 'x' });
  assert.deepEqual(unknown, { code: 'ERR_WORKER_UNKNOWN', message: 'no x' });
  for (const bad of [null, 'stop', {}, { command: 'kill', worker: 'api' }, { command: 'stop' }]) {
    assert.throws(() => checkOrder(bad), { code: 'ERR_ARGUMENT' });
    const answer = await noted.workers.obey(bad);
    assert.ok('code' in answer && answer.code === 'ERR_ARGUMENT');
  }
});
