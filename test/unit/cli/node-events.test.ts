import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import test from 'node:test';
import { type EventFields, eventText, onEachEvent } from '../../../src/cli/node-events.js';
import { LinkError } from '../../../src/errors.js';
import type { ClusterNode } from '../../../src/index.js';

test('events become plain data, errors their code and message', () => {
  const node = new EventEmitter();
  const told: [string, EventFields][] = [];
  onEachEvent(node as ClusterNode, (event, fields) => told.push([event, fields]));
  const error = new LinkError('ERR_KEY_MISMATCH', 'another key');
  node.emit('dialFailed', { name: 'a@b', code: error.code, error, attempts: 1 });
  node.emit('stalled', { name: 'a@b' });
  const code = 'ERR_KEY_MISMATCH';
  assert.deepEqual(told, [
    ['dialFailed', { name: 'a@b', code, error: { code, message: 'another key' }, attempts: 1 }],
    ['stalled', { name: 'a@b' }],
  ]);
});

test('a line has the name first, and leaves out what is nothing', () => {
  const line = (event: string, fields: EventFields) => eventText(event, fields);
  assert.equal(line('stalled', { name: 'a@b' }), 'stalled a@b');
  assert.equal(line('refused', { name: null, address: '::1' }), 'refused address=::1');
  assert.equal(line('listening', { planes: { a: '1', b: '2' } }), 'listening planes=a:1,b:2');
  assert.equal(
    line('redundancy', { name: 'a@b', planes: ['a'], missing: [] }),
    'redundancy a@b planes=a missing=-',
  );
  const error = { code: 'ERR_TIMEOUT', message: 'late' };
  assert.equal(
    line('nodedown', { code: 'ERR_TIMEOUT', error }),
    'nodedown error=ERR_TIMEOUT: late',
  );
});
