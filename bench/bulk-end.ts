/**
 * One end of the benchmark of small calls beside large bodies: a node, or one socket of Node's
 * `net`, as a process of its own. The sender keeps two bodies on their way and makes a small call
 * every few milliseconds; the receiver answers calls and counts bodies. Arguments: see
 * `arguments.ts`; `--over link|net`.
 */
import * as net from 'node:net';
import { startNode } from '../src/index.js';
import { Deframer } from '../src/lab/scenario/tcp-traffic.js';
import { becomeUser, type EndSettings, readSettings, tell } from './arguments.js';

const BODY_BYTES = 64 * 1024 * 1024;
const BODIES_UNDER_WAY = 2;
/** Bodies a receiver has memory for before it begins: those under way, one that is freed late. */
const BODIES_HELD = 5;
const CALL_EVERY_MS = 5;
const KEY = Buffer.alloc(32, 0xb9);

/** What one end tells at its end. */
interface Figures {
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly calls?: number;
  readonly bodies: number;
  readonly stalls: number;
  readonly maxResidentBytes: number;
}

function figures(more: Omit<Figures, 'maxResidentBytes'>): Figures {
  return { ...more, maxResidentBytes: process.resourceUsage().maxRSS * 1024 };
}

/**
 * Memory is touched before anything is measured, and freed, but kept by the allocator: in the guest
 * the first touch of 64 MiB takes seconds, in which no process answers.
 */
function touchMemory(): void {
  const bodies = Array.from({ length: BODIES_HELD }, () => Buffer.alloc(BODY_BYTES, 0x42));
  if (bodies.some((body) => body[BODY_BYTES - 1] !== 0x42)) throw new Error('no memory');
}

/** Makes calls at their pace for the time of the measurement, and waits for all answers. */
async function measureCalls(
  { warmupMs, measureMs }: EndSettings,
  call: () => Promise<unknown>,
): Promise<{ p50Ms: number; p99Ms: number; calls: number }> {
  const timesMs: number[] = [];
  const pending: Promise<void>[] = [];
  const beginMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const startMs = performance.now();
      if (startMs - beginMs > warmupMs + measureMs) {
        clearInterval(timer);
        resolve();
        return;
      }
      pending.push(
        call().then(() => {
          if (startMs - beginMs >= warmupMs) timesMs.push(performance.now() - startMs);
        }),
      );
    }, CALL_EVERY_MS);
  });
  await Promise.all(pending);
  timesMs.sort((a, b) => a - b);
  const at = (part: number) => timesMs[Math.floor(timesMs.length * part)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), calls: timesMs.length };
}

async function sendOverLink(settings: EndSettings): Promise<void> {
  const { local, peer, port } = settings;
  const body = Buffer.alloc(BODY_BYTES, 0x42);
  const node = await startNode({ name: 'send@bench', planes: [local], port, key: KEY });
  const to = 'receive@bench';
  let stalls = 0;
  node.on('stalled', () => {
    stalls += 1;
  });
  await node.connect({ name: to, addresses: [peer], port });
  let bodies = 0;
  let isOver = false;
  const another = () => {
    if (isOver) return;
    node.send(to, 'bulk', body, {
      onOutcome: ({ type }) => {
        if (type === 'delivered') bodies += 1;
        // An outcome that the end of the link brings comes while there is no link.
        setImmediate(another);
      },
    });
  };
  node.on('nodedown', ({ reason }) => {
    if (!isOver) throw new Error(`the link ended: ${reason}`);
  });
  for (let i = 0; i < BODIES_UNDER_WAY; i += 1) another();
  const small = Buffer.alloc(settings.size);
  const options = { orderKey: 'small', deadlineMs: 60_000 };
  const measured = await measureCalls(settings, () => node.call(to, 'echo', small, options));
  isOver = true;
  tell(figures({ ...measured, bodies, stalls }));
  await node.close();
}

async function receiveOverLink({ local, port }: EndSettings): Promise<void> {
  touchMemory();
  const node = await startNode({ name: 'receive@bench', planes: [local], port, key: KEY });
  let bodies = 0;
  let stalls = 0;
  node.handle('bulk', (_body, context) => {
    bodies += 1;
    context.release();
  });
  node.handle('echo', (body) => body);
  node.on('stalled', () => {
    stalls += 1;
  });
  node.on('nodedown', () => {
    tell(figures({ bodies, stalls }));
    void node.close({ deadlineMs: 0 });
  });
  tell({ ready: true });
}

/** A frame's length and kind, which are five bytes. */
const HEAD_BYTES = 5;

/** A frame's head comes in a piece of its own, so that no body is copied. */
function writeFrame(socket: net.Socket, kind: number, body: Buffer): void {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(1 + body.length, 0);
  head[4] = kind;
  socket.cork();
  socket.write(head);
  socket.write(body, () => socket.emit('written', kind));
  socket.uncork();
}

const BULK = 0;
const CALL = 1;
const ANSWER = 2;

async function sendOverNet(settings: EndSettings): Promise<void> {
  const { local, peer, port, size } = settings;
  const body = Buffer.alloc(BODY_BYTES, 0x42);
  const socket = net.connect({ host: peer, port, localAddress: local, noDelay: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  let bodies = 0;
  let isOver = false;
  socket.on('written', (kind: number) => {
    if (kind !== BULK) return;
    bodies += 1;
    if (!isOver) writeFrame(socket, BULK, body);
  });
  for (let i = 0; i < BODIES_UNDER_WAY; i += 1) writeFrame(socket, BULK, body);
  const waiting: (() => void)[] = [];
  const deframer = new Deframer(() => waiting.shift()?.());
  socket.on('data', (chunk) => deframer.push(chunk));
  const small = Buffer.alloc(size);
  const measured = await measureCalls(settings, () => {
    writeFrame(socket, CALL, small);
    return new Promise<void>((resolve) => waiting.push(resolve));
  });
  isOver = true;
  tell(figures({ ...measured, bodies, stalls: 0 }));
  socket.destroy();
}

/**
 * A frame as it comes in: its head, and then its body. As at the node's end, whoever counts a body
 * keeps nothing of it, so that the next one takes its memory.
 */
class Assembly {
  readonly #onFrame: (kind: number, body: Buffer) => void;
  #spare: Buffer = Buffer.alloc(0);
  #head: Buffer = Buffer.alloc(0);
  #body: Buffer | null = null;
  #filled = 0;

  constructor(onFrame: (kind: number, body: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#body === null) {
        const wanted = HEAD_BYTES - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, wanted)]);
        rest = rest.subarray(wanted);
        if (this.#head.length < HEAD_BYTES) return;
        this.#body = this.#memory(this.#head.readUInt32BE(0) - 1);
      }
      const copied = rest.copy(this.#body, this.#filled);
      this.#filled += copied;
      rest = rest.subarray(copied);
      if (this.#filled === this.#body.length) this.#frameEnds(this.#body);
    }
  }

  #memory(bytes: number): Buffer {
    return this.#spare.length === bytes ? this.#spare : Buffer.allocUnsafe(bytes);
  }

  #frameEnds(body: Buffer): void {
    const kind = this.#head[4] as number;
    if (body.length === BODY_BYTES) this.#spare = body;
    this.#head = Buffer.alloc(0);
    this.#body = null;
    this.#filled = 0;
    this.#onFrame(kind, body);
  }
}

/** Answers calls, and counts bodies. */
function receiveOverNet({ local, port }: EndSettings): void {
  touchMemory();
  const server = net.createServer({ noDelay: true }, (socket) => {
    server.close();
    let bodies = 0;
    const assembly = new Assembly((kind, body) => {
      if (kind === CALL) writeFrame(socket, ANSWER, body);
      else bodies += 1;
    });
    socket.on('data', (chunk) => assembly.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => tell(figures({ bodies, stalls: 0 })));
  });
  server.listen(port, local, () => tell({ ready: true }));
}

const settings = readSettings();
const isSender = settings.role === 'send';
becomeUser(settings.user);
if (settings.over === 'net') {
  if (isSender) await sendOverNet(settings);
  else receiveOverNet(settings);
} else if (isSender) await sendOverLink(settings);
else await receiveOverLink(settings);
