import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { connect, type PathEvent } from '../../../src/sctp/index.js';
import { enterOwnNetwork, run } from './own-network.js';
import { next } from './support.js';

enterOwnNetwork();

const quick = {
  rto: { initialMs: 100, minMs: 50, maxMs: 400 },
  sack: { delayMs: 20, frequency: 1 },
  heartbeat: { intervalMs: 200 },
  pathMaxRetransmits: 3,
  association: { maxRetransmits: 12 },
};

/** A process in a network of its own, joined to ours by two cables. */
async function joinedPeer(): Promise<{ peer: ChildProcess; port: number }> {
  const program = new URL('./echo-peer.js', import.meta.url).pathname;
  const peer = fork(program, [JSON.stringify(quick)], {
    execPath: 'unshare',
    execArgv: ['--net', '--', process.execPath],
  });
  await once(peer, 'message');
  for (const [i, name] of ['a', 'b'].entries()) {
    run('ip', 'link', 'add', `${name}0`, 'type', 'veth', 'peer', 'name', `${name}1`);
    run('ip', 'link', 'set', `${name}1`, 'netns', String(peer.pid));
    run('ip', 'addr', 'add', `10.98.${i}.1/24`, 'dev', `${name}0`);
    run('ip', 'link', 'set', `${name}0`, 'up');
  }
  peer.send('configure');
  const [port] = (await once(peer, 'message')) as [number];
  return { peer, port };
}

test('a cable is cut and mended, nothing is lost; then both are cut', async (context) => {
  const { peer, port } = await joinedPeer();
  context.after(() => peer.kill('SIGKILL'));
  const near = connect({
    addresses: ['10.98.0.2', '10.98.1.2'],
    localAddresses: ['10.98.0.1', '10.98.1.1'],
    port,
    ...quick,
  });
  context.after(() => near.abort());
  const events: PathEvent[] = [];
  near.on('path', (event) => events.push(event));
  await near.whenUp();
  let [sent, received] = [0, 0];
  near.on('message', (data) => {
    assert.equal(data.readUInt32BE(0), received);
    received += 1;
  });
  const traffic = setInterval(() => {
    const data = Buffer.alloc(64);
    data.writeUInt32BE(sent, 0);
    sent += 1;
    near.send(data);
  }, 10);
  context.after(() => clearInterval(traffic));
  const told = async (address: string, change: string) => {
    for (;;) {
      if (events.some((event) => event.address === address && event.change === change)) return;
      await once(near, 'path');
    }
  };
  const stateOf = (address: string) => near.paths.find((path) => path.address === address)?.state;
  // Addresses that were dialled count as confirmed (RFC 9260, section 5.4), so no event says so.
  assert.equal(stateOf('10.98.0.2'), 'active');
  assert.equal(stateOf('10.98.1.2'), 'active');

  run('ip', 'link', 'set', 'a0', 'down');
  await told('10.98.0.2', 'potentially-failed');
  await told('10.98.0.2', 'unreachable');
  assert.equal(events[0]!.state, 'potentially-failed');
  assert.equal(stateOf('10.98.0.2'), 'inactive');
  assert.equal(stateOf('10.98.1.2'), 'active');
  run('ip', 'link', 'set', 'a0', 'up');
  await told('10.98.0.2', 'available');
  assert.equal(stateOf('10.98.0.2'), 'active');

  clearInterval(traffic);
  while (received < sent) await once(near, 'message');
  assert.equal(received, sent);

  run('ip', 'link', 'set', 'a0', 'down');
  run('ip', 'link', 'set', 'b0', 'down');
  near.send(Buffer.alloc(64));
  const [loss] = await next(near, 'lost');
  assert.equal(loss.reason, 'timeout');
  assert.equal(loss.error.code, 'ERR_ASSOCIATION_LOST');
});
