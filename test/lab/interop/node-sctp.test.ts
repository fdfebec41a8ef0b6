/**
 * Another implementation on the wire: the npm package `sctp` over UDP, against our Server and our
 * Association.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { type Association, connect, listen, type Server } from '../../../src/sctp/index.js';
import { enterOwnNetwork, setSctpSysctl } from '../sctp/own-network.js';
import { collect, echo, next } from '../sctp/support.js';
import { type PeerReport, type PeerTask, pattern } from './npm-peer.js';

// Ethernet's MTU: with the loopback's own a packet would not fit into a UDP datagram.
enterOwnNetwork([], 1500);

const KERNEL = '127.0.0.1';
const PEER = '127.0.0.2';
const KERNEL_UDP_PORT = 9899;
const PEER_UDP_PORT = 9900;
const PEER_PORT = 7001;
const SIZES = [12, 100, 1400, 5000, 16_384, 40_000, 65_536];

/** Acknowledges each packet: the npm package sends one flight of a few packets and then waits. */
const quick = { sack: { frequency: 1 }, rto: { initialMs: 200, minMs: 200 } } as const;

setSctpSysctl('encap_port', KERNEL_UDP_PORT);
setSctpSysctl('udp_port', KERNEL_UDP_PORT);

const task: PeerTask = {
  role: 'dial',
  udpAddress: PEER,
  udpPort: PEER_UDP_PORT,
  remoteUdpAddress: KERNEL,
  remoteUdpPort: KERNEL_UDP_PORT,
  localPort: PEER_PORT,
  remotePort: 0,
  sizes: SIZES,
};

function startPeer(context: TestContext, over: Partial<PeerTask>): ChildProcess {
  const program = new URL('./npm-peer.js', import.meta.url).pathname;
  const peer = fork(program, [JSON.stringify({ ...task, ...over })]);
  context.after(() => peer.kill('SIGKILL'));
  return peer;
}

/** A server that gives its associations to `use`, and ends with the test. */
function serve(context: TestContext, use: (association: Association) => void): Server {
  const server = listen({ addresses: [KERNEL], ...quick });
  context.after(() => server.close());
  server.on('association', (association) => {
    context.after(() => association.abort());
    echo(association);
    use(association);
  });
  return server;
}

/** The next report; a failure of the peer fails the test. */
async function report(peer: ChildProcess, kind: PeerReport['kind']): Promise<PeerReport> {
  const [message] = (await once(peer, 'message')) as [PeerReport];
  assert.equal(message.kind, kind, JSON.stringify(message));
  return message;
}

test('npm sctp dials our Server: 12 B to 64 KiB come back whole', async (context) => {
  const server = serve(context, () => {});
  const peer = startPeer(context, { remotePort: server.port });
  await report(peer, 'up');
  const echoed = await report(peer, 'echoed');
  assert.deepEqual(echoed, { kind: 'echoed', sizes: SIZES });
});

test('our Association dials npm sctp: 12 B to 64 KiB come back whole', async (context) => {
  const localPort = 7002;
  const peer = startPeer(context, { role: 'answer', remotePort: localPort });
  await report(peer, 'listening');
  const association = connect({
    addresses: [PEER],
    port: PEER_PORT,
    localAddresses: [KERNEL],
    localPort,
    udpEncapsulationPort: PEER_UDP_PORT,
    ...quick,
  });
  context.after(() => association.abort());
  await association.whenUp();
  for (const size of SIZES) {
    const answer = collect(association, 1);
    association.send(pattern(size));
    assert.ok((await answer)[0]!.equals(pattern(size)), `${size} bytes`);
  }
});

test('npm sctp dies and comes back on its port: told as restart', async (context) => {
  const seen: string[] = [];
  const server = serve(context, (association) => {
    seen.push('association');
    association.on('restart', () => seen.push('restart'));
    association.on('lost', () => seen.push('lost'));
    association.on('shutdown', () => seen.push('shutdown'));
    association.on('message', (data) => seen.push(`${data.length}`));
  });
  const first = startPeer(context, { remotePort: server.port, sizes: [12] });
  await report(first, 'up');
  await report(first, 'echoed');
  const gone = once(first, 'exit');
  first.kill('SIGKILL');
  await gone;
  const second = startPeer(context, { remotePort: server.port, sizes: [12, 1400] });
  await report(second, 'up');
  assert.deepEqual(await report(second, 'echoed'), { kind: 'echoed', sizes: [12, 1400] });
  assert.deepEqual(seen, ['association', '12', 'restart', '12', '1400']);
});

test('npm sctp aborts: lost, aborted', async (context) => {
  const server = serve(context, () => {});
  const accepted = once(server, 'association');
  const peer = startPeer(context, { remotePort: server.port, sizes: [12] });
  const [association] = (await accepted) as [Association];
  await report(peer, 'up');
  await report(peer, 'echoed');
  const lost = next(association, 'lost');
  peer.send('destroy');
  assert.equal((await lost)[0].reason, 'aborted');
});
