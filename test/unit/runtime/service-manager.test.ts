import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'node:test';
import { serviceManager } from '../../../src/runtime/service-manager.js';

/** Stands in for systemd's own program: notes where it was to speak, and what it was to say. */
const STAND_IN = '#!/bin/sh\nprintf "%s|" "$NOTIFY_SOCKET" "$@" >> "$(dirname "$0")/said"\n';

test('a service manager is told states, and how often it wants to hear of us', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-notify-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'systemd-notify'), STAND_IN, { mode: 0o755 });
  const env: NodeJS.ProcessEnv = {
    PATH: [folder, process.env['PATH']].join(delimiter),
    NOTIFY_SOCKET: '/run/notify',
    WATCHDOG_USEC: '30000000',
    WATCHDOG_PID: String(process.pid),
  };
  const manager = serviceManager(env);
  assert.equal(manager.watchdogMs, 30_000);
  assert.deepEqual(Object.keys(env), ['PATH'], 'our children do not speak in our name');
  await manager.tell('READY=1', 'STATUS=it runs');
  await manager.tell('WATCHDOG=1');
  const said = readFileSync(join(folder, 'said'), 'utf8');
  assert.equal(said, '/run/notify|READY=1|STATUS=it runs|/run/notify|WATCHDOG=1|');
});

test('without a service manager, or its program, nobody is told', async () => {
  const none = serviceManager({});
  assert.equal(none.watchdogMs, null);
  await none.tell('READY=1');
  const elsewhere = serviceManager({ PATH: '/nowhere', NOTIFY_SOCKET: '/run/notify' });
  await elsewhere.tell('READY=1');
});

test('the watchdog of another process is none of ours', () => {
  const env = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' };
  assert.equal(serviceManager(env).watchdogMs, null);
});
