/**
 * A peer of another make: the npm package `sctp`, an implementation of RFC 4960 in JavaScript, over
 * UDP (RFC 6951). It runs in a process of its own and talks to its parent by IPC. Its limits, and
 * what is done about them here:
 * - it advertises its stream's high-water mark as receiver window (16 KiB): larger messages need a
 *   larger mark;
 * - over UDP it cannot accept at a `Server`, only await one peer (`passive`);
 * - over UDP it does not recognize a restart of its peer: here it is the one that restarts;
 * - it has one address, and asks for two streams unless told otherwise.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';

/** What the test asks for. */
export interface PeerTask {
  /** 'dial': sends each size, expects it back; 'answer': waits and echoes. */
  readonly role: 'dial' | 'answer';
  readonly udpAddress: string;
  readonly udpPort: number;
  readonly remoteUdpAddress: string;
  readonly remoteUdpPort: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly sizes: readonly number[];
}

/**
 * What it tells: that it can be dialled, is up, how many echoes came back whole, or how it failed.
 */
export type PeerReport =
  | { readonly kind: 'listening' | 'up' | 'ended' }
  | { readonly kind: 'echoed'; readonly sizes: readonly number[] }
  | { readonly kind: 'failed'; readonly reason: string };

interface NpmSctp {
  connect(options: object): Duplex;
  defaults(options: object): void;
}

const HIGH_WATER_BYTES = 1024 * 1024;

/** A message whose bytes tell its size. */
export function pattern(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff));
}

async function main(task: PeerTask): Promise<void> {
  const report = (message: PeerReport) => process.send!(message);
  const sctp = createRequire(import.meta.url)('sctp') as NpmSctp;
  sctp.defaults({ rto_initial: 200, rto_min: 200, sack_timeout: 20 });
  const udp = createSocket('udp4');
  udp.bind(task.udpPort, task.udpAddress);
  await once(udp, 'listening');
  const socket = sctp.connect({
    passive: task.role === 'answer',
    localPort: task.localPort,
    port: task.remotePort,
    OS: 4,
    MIS: 4,
    highWaterMark: HIGH_WATER_BYTES,
    udpTransport: udp,
    udpPeer: { address: task.remoteUdpAddress, port: task.remoteUdpPort },
  });
  socket.on('error', (error) => report({ kind: 'failed', reason: String(error) }));
  socket.on('end', () => report({ kind: 'ended' }));
  if (task.role === 'answer') {
    socket.on('data', (data: Buffer) => socket.write(data));
    // The package begins in a setImmediate of its own.
    setImmediate(() => setImmediate(() => report({ kind: 'listening' })));
    return;
  }
  await once(socket, 'connect');
  report({ kind: 'up' });
  const echoed: number[] = [];
  for (const size of task.sizes) {
    socket.write(pattern(size));
    const [data] = (await once(socket, 'data')) as [Buffer];
    if (!data.equals(pattern(size))) {
      report({ kind: 'failed', reason: `${size} bytes came back as ${data.length} or altered` });
      return;
    }
    echoed.push(size);
  }
  report({ kind: 'echoed', sizes: echoed });
  process.once('message', () => socket.destroy());
}

if (process.send !== undefined && process.argv[2] !== undefined) {
  process.once('disconnect', () => process.exit(0));
  main(JSON.parse(process.argv[2]) as PeerTask).catch((error) =>
    process.send!({ kind: 'failed', reason: String(error) }),
  );
}
