import assert from 'node:assert/strict';
import test from 'node:test';
import type { CarrierHandlers } from '../../../src/link/carrier.js';
import { associationOptions, SctpCarrier } from '../../../src/link/sctp-carrier.js';
import { connect } from '../../../src/sctp/index.js';
import { SEND_SACK_NOW, SEND_UNORDERED } from '../../../src/sctp/native.js';
import { resolveOptions } from '../../../src/sctp/options.js';
import type { Profile } from '../../../src/timing/profiles.js';
import { change, type FakeSocket, nativeError } from '../sctp/fake-addon.js';
import { fakeAddon, peer, turn, upAssociation, withCode } from '../sctp/support.js';

const profile: Profile = {
  name: 'test',
  rtoInitialMs: 100,
  rtoMinMs: 50,
  rtoMaxMs: 400,
  sackDelayMs: 20,
  sackFrequency: 1,
  heartbeatIntervalMs: 500,
  pathMaxRetransmits: 3,
  pfThreshold: 0,
  primarySwitchover: 65535,
  associationMaxRetransmits: 200,
  initMaxAttempts: 4,
  initMaxTimeoutMs: 400,
  beatMs: 1,
  beatJitterMs: 0,
  stallMs: 2,
  outageMs: 3,
  callDeadlineMs: 5000,
  configurationDeadlineMs: 10_000,
};

/** What comes on it is kept. */
const KEPT_STREAM = 5;

function recorder(): { handlers: CarrierHandlers; seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    handlers: {
      onUp: () => seen.push('up'),
      onMessage: (stream, data) => {
        seen.push(`message ${stream} ${data}`);
        return stream === KEPT_STREAM;
      },
      onPath: (event) => seen.push(`path ${event.address} ${event.change}`),
      onDrain: () => seen.push('drain'),
      onUnsent: (context, bytes) => seen.push(`unsent ${context} ${bytes}`),
      onEnd: (end, error) =>
        seen.push(`end ${end} ${(error as { code?: string } | null)?.code ?? null}`),
    },
  };
}

/** A carrier with its handlers, over an association that is up. */
function upCarrier(): { carrier: SctpCarrier; socket: FakeSocket; seen: string[] } {
  const { association, socket } = upAssociation();
  const carrier = new SctpCarrier(association, profile);
  const { handlers, seen } = recorder();
  carrier.attach(handlers);
  assert.deepEqual(seen.splice(0), ['up']);
  return { carrier, socket, seen };
}

test('every timer of a profile that the kernel keeps becomes its option', () => {
  const options = resolveOptions(associationOptions(profile));
  assert.deepEqual(options.rto, { initialMs: 100, minMs: 50, maxMs: 400 });
  assert.deepEqual(options.sack, { delayMs: 20, frequency: 2 });
  assert.deepEqual(options.heartbeat, { enabled: true, intervalMs: 500 });
  assert.deepEqual(options.init, { maxAttempts: 4, maxTimeoutMs: 400 });
  assert.equal(options.association.maxRetransmits, 200);
  assert.equal(options.pathMaxRetransmits, 3);
  assert.equal(options.pfThreshold, 0);
  assert.equal(options.primarySwitchover, 65535);
});

test('up comes once, whether before attaching or after', () => {
  const addon = fakeAddon();
  const carrier = new SctpCarrier(connect(peer), profile);
  const { handlers, seen } = recorder();
  carrier.attach(handlers);
  assert.deepEqual(seen, []);
  addon.last.deliver(change('up'));
  assert.deepEqual(seen, ['up']);
  assert.throws(() => carrier.attach(handlers), withCode('ERR_STATE'));
  const { carrier: second, seen: also } = upCarrier();
  assert.equal(second.outboundStreams, 10);
  assert.deepEqual(also, []);
});

test('frames, paths and drain pass through', () => {
  const { carrier, socket, seen } = upCarrier();
  assert.equal(carrier.send(3, Buffer.from('out')), true);
  assert.equal(socket.sent[0]!.stream, 3);
  socket.deliver(
    { data: Buffer.from('in'), stream: 4 },
    { type: 'path', address: '10.0.0.2', change: 'potentially-failed', error: 0 },
    { type: 'path', address: '10.0.0.2', change: 'unknown', error: 0 },
  );
  socket.waiting.push(() => socket.deliver({ data: Buffer.from('waited') }));
  carrier.drain();
  assert.deepEqual(seen, ['message 4 in', 'path 10.0.0.2 potentially-failed', 'message 0 waited']);
  socket.pathStates['10.0.1.2'] = 'unknown';
  assert.deepEqual(
    carrier.paths.map((path) => [path.address, path.state, path.primary]),
    [
      ['10.0.0.2', 'active', true],
      ['10.0.1.2', 'inactive', false],
    ],
  );
});

test('where SACKs are wanted at once each message asks for its own, by its profile', () => {
  const { carrier, socket } = upCarrier();
  carrier.send(3, Buffer.from('a'), { unordered: true });
  carrier.retime({ ...profile, sackFrequency: 2 });
  carrier.send(3, Buffer.from('b'), { unordered: true });
  const [now, later] = socket.sent;
  assert.equal(now?.flags, SEND_UNORDERED | SEND_SACK_NOW);
  assert.equal(later?.flags, SEND_UNORDERED);
});

test('paths are read once in a turn, and again after what changes them', async () => {
  const { carrier, socket } = upCarrier();
  const reads = () => {
    const before = socket.calls.length;
    void [carrier.paths, carrier.paths];
    return socket.calls.slice(before).filter((call) => call === 'status').length;
  };
  assert.equal(reads(), 1);
  assert.equal(reads(), 0);
  socket.pathStates['10.0.1.2'] = 'inactive';
  socket.deliver({ type: 'path', address: '10.0.1.2', change: 'unreachable', error: 0 });
  assert.equal(reads(), 1);
  assert.equal(carrier.paths.find(({ address }) => address === '10.0.1.2')?.state, 'inactive');
  await turn();
  assert.equal(reads(), 1);
  carrier.abort();
  assert.deepEqual(carrier.paths, []);
});

test('a batch is released when nothing of it is kept', () => {
  const { socket } = upCarrier();
  const [data, stream] = [Buffer.from('in'), KEPT_STREAM];
  assert.equal(socket.deliver({ data }, { data }), true);
  assert.equal(socket.deliver({ data }, { data, stream }), false);
});

test('the ends are told apart, each once', async () => {
  const lost = upCarrier();
  lost.socket.handlers.onEnd(nativeError('ECONNRESET', 'recvmsg'));
  const closed = upCarrier();
  closed.socket.deliver({ data: Buffer.from('last') }, { type: 'shutdown' });
  closed.socket.handlers.onEnd(null);
  const ours = upCarrier();
  ours.carrier.shutdown();
  ours.socket.handlers.onEnd(null);
  const restarted = upCarrier();
  restarted.socket.deliver(change('restart'), { data: Buffer.from('of the new life') });
  await turn();
  assert.deepEqual(lost.seen, ['end lost ERR_ASSOCIATION_LOST']);
  assert.deepEqual(closed.seen, ['message 0 last', 'end closed null']);
  assert.deepEqual(ours.seen, ['end closed null']);
  assert.deepEqual(restarted.seen, ['end restarted ERR_ASSOCIATION_RESTARTED']);
  assert.equal(restarted.socket.calls.at(-1), 'abort');
});

test('statistics, primary and addresses are those of the association', () => {
  const { carrier, socket } = upCarrier();
  socket.counted = { ...socket.counted, sentChunks: 9, retransmittedChunks: 4 };
  assert.deepEqual(carrier.statistics(), { sentChunks: 9, retransmittedChunks: 4 });
  carrier.setPrimary('10.0.1.2');
  assert.equal(carrier.paths.find(({ primary }) => primary)?.address, '10.0.1.2');
  assert.deepEqual(carrier.localAddresses, ['10.0.0.1']);
  assert.throws(() => carrier.addLocalAddresses(['10.0.5.1']), withCode('ERR_OPTION_REJECTED'));
  assert.throws(() => carrier.removeLocalAddresses(['10.0.5.1']), withCode('ERR_OPTION_REJECTED'));
  socket.held.set('changeAddresses', true);
  socket.locals.push({ address: '10.0.5.1', port: 5000 });
  carrier.addLocalAddresses(['10.0.5.1']);
  carrier.removeLocalAddresses(['10.0.5.1']);
  assert.equal(socket.calls.at(-1), 'removeAddresses ["10.0.5.1"]');
  socket.failures.set('statistics', nativeError('EINVAL', 'getsockopt'));
  assert.equal(carrier.statistics(), null);
  carrier.abort();
  assert.equal(carrier.statistics(), null);
});

test('after abort no handler is called', async () => {
  const { carrier, socket, seen } = upCarrier();
  carrier.abort();
  await turn();
  assert.deepEqual(seen, []);
  assert.equal(socket.calls.at(-1), 'abort');
  assert.throws(() => carrier.send(0, Buffer.alloc(1)), withCode('ERR_CLOSED'));
});
