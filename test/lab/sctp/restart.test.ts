import assert from 'node:assert/strict';
import test from 'node:test';
import { connect } from '../../../src/sctp/index.js';
import { enterOwnNetwork, run } from './own-network.js';
import { collect, makePair, next } from './support.js';

enterOwnNetwork(['10.99.1.1/32', '10.99.1.2/32']);

test('a peer that vanished and dials again is told as restart', async (context) => {
  const from = { localAddresses: ['10.99.1.1'], localPort: 4711 };
  const { server, near, far } = await makePair(context, { addresses: ['10.99.1.2'] }, from);
  const seen: string[] = [];
  server.on('association', () => seen.push('association'));
  far.on('lost', () => seen.push('lost'));
  far.on('message', (data) => seen.push(data.toString()));
  far.on('restart', ({ outboundStreams }) => seen.push(`restart ${outboundStreams}`));
  const first = collect(far, 1);
  near.send(Buffer.from('first life'), { sackNow: true });
  await first;
  // Its ABORT never leaves: to the other end it is a host that crashed.
  run('ip', 'link', 'set', 'lo', 'down');
  near.abort();
  await next(near, 'close');
  run('ip', 'link', 'set', 'lo', 'up');
  const restarted = next(far, 'restart');
  const again = connect({
    addresses: ['10.99.1.2'],
    port: server.port,
    streams: { inbound: 3 },
    ...from,
  });
  context.after(() => again.abort());
  await again.whenUp();
  await restarted;
  const second = collect(far, 1);
  again.send(Buffer.from('second life'));
  await second;
  assert.deepEqual(seen, ['first life', 'restart 3', 'second life']);
  assert.equal(far.state, 'up');
  const answer = collect(again, 1);
  far.send(Buffer.from('answer'));
  assert.equal((await answer)[0]!.toString(), 'answer');
});
