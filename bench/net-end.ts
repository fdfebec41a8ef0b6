/**
 * One end of the comparison with Node's `net`, as a process of its own: a length of 4 bytes before
 * each message, and one write per message. Arguments: see `arguments.ts`.
 */
import * as net from 'node:net';
import { Deframer, frame } from '../src/lab/scenario/tcp-traffic.js';
import { type EndSettings, RateMeter, readSettings, tell } from './arguments.js';

const CALLS = 3000;

function send({ local, peer, port, size, traffic }: EndSettings): void {
  const socket = net.connect({ host: peer, port, localAddress: local, noDelay: true });
  // The receiver ends it when it has its figures.
  socket.on('error', () => socket.destroy());
  socket.once('connect', () => {
    if (traffic === 'rtt') pingPong(socket, size);
    else flood(socket, size);
  });
}

function flood(socket: net.Socket, size: number): void {
  const fill = () => {
    while (socket.writable && socket.write(frame(Buffer.allocUnsafe(size))));
  };
  socket.on('drain', fill);
  fill();
}

function pingPong(socket: net.Socket, size: number): void {
  const timesMs: number[] = [];
  let startMs = 0;
  const ping = () => {
    startMs = performance.now();
    socket.write(frame(Buffer.allocUnsafe(size)));
  };
  const deframer = new Deframer(() => {
    timesMs.push(performance.now() - startMs);
    if (timesMs.length < 2 * CALLS) return ping();
    const measured = timesMs.slice(CALLS).sort((a, b) => a - b);
    tell({ p50Ms: measured[measured.length >> 1] });
    socket.destroy();
  });
  socket.on('data', (chunk) => deframer.push(chunk));
  ping();
}

function receive(settings: EndSettings): void {
  const server = net.createServer({ noDelay: true }, (socket) => {
    server.close();
    const meter = new RateMeter(settings, (figures) => {
      tell(figures);
      socket.destroy();
    });
    const deframer = new Deframer((body) => {
      if (settings.traffic === 'rtt') socket.write(frame(body));
      else meter.count();
    });
    socket.on('data', (chunk) => deframer.push(chunk));
    socket.on('error', () => socket.destroy());
  });
  server.listen(settings.port, settings.local, () => tell({ ready: true }));
}

const settings = readSettings();
if (settings.role === 'send') send(settings);
else receive(settings);
