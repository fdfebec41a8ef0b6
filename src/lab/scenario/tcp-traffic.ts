/**
 * The same traffic over what people have today: Node's `net`, one network, a 4-byte length before
 * each message. No reconnecting and no keep-alive: the comparison is about the transport, not about
 * a wrapper around it.
 */
import * as net from 'node:net';

const LENGTH_BYTES = 4;

/** Puts a length before the message. */
export function frame(body: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + body.length);
  framed.writeUInt32BE(body.length, 0);
  framed.set(body, LENGTH_BYTES);
  return framed;
}

/** Cuts a byte stream into messages; `onMessage` gets a view that may be kept. */
export class Deframer {
  #rest: Buffer = Buffer.alloc(0);
  readonly #onMessage: (body: Buffer) => void;

  constructor(onMessage: (body: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      this.#onMessage(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

/** One end of the TCP comparison. */
export interface TcpPeer {
  send(body: Uint8Array): void;
  /** True once the socket has failed; nothing is sent after. */
  readonly failed: boolean;
  close(): void;
}

function wrap(socket: net.Socket, onMessage: (body: Buffer, peer: TcpPeer) => void): TcpPeer {
  let failed = false;
  socket.setNoDelay(true);
  socket.on('error', () => {
    failed = true;
  });
  const peer: TcpPeer = {
    send: (body) => {
      if (!failed) socket.write(frame(body));
    },
    get failed() {
      return failed;
    },
    close: () => socket.destroy(),
  };
  const deframer = new Deframer((body) => onMessage(body, peer));
  socket.on('data', (chunk: Buffer) => deframer.push(chunk));
  return peer;
}

/** Accepts any number of peers; resolves when listening. */
export function listenTcp(
  address: string,
  port: number,
  onMessage: (body: Buffer, peer: TcpPeer) => void,
): Promise<{ close(): void }> {
  const peers = new Set<TcpPeer>();
  const server = net.createServer((socket) => {
    const peer = wrap(socket, onMessage);
    peers.add(peer);
    socket.on('close', () => peers.delete(peer));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () =>
      resolve({
        close: () => {
          server.close();
          for (const peer of peers) peer.close();
        },
      }),
    );
  });
}

/** Resolves when the connection stands. */
export function connectTcp(
  address: string,
  port: number,
  onMessage: (body: Buffer) => void,
): Promise<TcpPeer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: address, port });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(wrap(socket, onMessage));
    });
  });
}
