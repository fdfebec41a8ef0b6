/**
 * One end of a benchmark of `backplane` itself, as a process of its own: a node with default
 * options, whose messages are ordered and have their outcomes counted. Arguments: see
 * `arguments.ts`.
 */
import { type ClusterNode, startNode } from '../src/index.js';
import { becomeUser, type EndSettings, RateMeter, readSettings, tell } from './arguments.js';

const TOPIC = 'bench';
/** Turns with a message each that come before anything is measured: so many bundles. */
const WARM_BUNDLES = 10_000;
/** Bundles of the warm-up that are on their way at once. */
const WARM_WINDOW = 64;
/** Messages of one turn of the flood, if there is room for so many. */
const TURN = 512;
const CALLS = 3000;

function start({ role, local, port, security }: EndSettings): Promise<ClusterNode> {
  return startNode({
    name: `${role}@bench`,
    planes: [local],
    port,
    // Both ends are ours and live for seconds.
    key: Buffer.alloc(32, 0xb9),
    security,
  });
}

/** A fresh body for each message. */
function bodyMaker({ body, size }: EndSettings): () => unknown {
  if (body === 'buffer') return () => Buffer.allocUnsafe(size);
  let seq = 0;
  // About 100 bytes in CBOR.
  return () => {
    seq += 1;
    return {
      seq,
      at: 1_700_000_000_000 + seq,
      name: 'temperature',
      unit: 'degrees',
      value: seq / 7,
      tags: ['hall 4', 'line 2', 'north'],
    };
  };
}

async function send(settings: EndSettings): Promise<void> {
  const node = await start(settings);
  const { peer, port, traffic } = settings;
  const to = 'receive@bench';
  await node.connect({ name: to, addresses: [peer], port });
  const make = bodyMaker(settings);
  await warmUp(node, to, make);
  if (traffic === 'rtt') {
    tell(await measureCalls(node, to, make));
    await node.close();
    return;
  }
  flood(node, to, make);
}

function warmUp(node: ClusterNode, to: string, make: () => unknown): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0;
    let ended = 0;
    const onOutcome = () => {
      ended += 1;
      if (ended === WARM_BUNDLES) resolve();
    };
    const turn = () => {
      if (sent - ended < WARM_WINDOW) {
        sent += 1;
        node.send(to, 'warm', make(), { onOutcome });
      }
      if (sent < WARM_BUNDLES) setImmediate(turn);
    };
    turn();
  });
}

/** As much as the link takes, a turn at a time, so that the loop goes on. */
function flood(node: ClusterNode, to: string, make: () => unknown): void {
  let isOver = false;
  let delivered = 0;
  const onOutcome = ({ type }: { type: string }) => {
    if (type === 'delivered') delivered += 1;
  };
  const options = { orderKey: 'flood', onOutcome };
  const turn = () => {
    if (isOver) return;
    try {
      for (let i = 0; i < TURN; i += 1) if (!node.send(to, TOPIC, make(), options)) return;
    } catch {
      // The receiver has its figures and leaves; `nodedown` follows.
      return;
    }
    setImmediate(turn);
  };
  node.on('drain', turn);
  node.on('nodedown', () => {
    isOver = true;
    tell({ delivered });
    void node.close();
  });
  turn();
}

async function measureCalls(node: ClusterNode, to: string, make: () => unknown): Promise<object> {
  const timesMs: number[] = [];
  for (let i = 0; i < 2 * CALLS; i += 1) {
    const startMs = performance.now();
    await node.call(to, 'echo', make());
    if (i >= CALLS) timesMs.push(performance.now() - startMs);
  }
  return { p50Ms: timesMs.sort((a, b) => a - b)[timesMs.length >> 1] };
}

async function receive(settings: EndSettings): Promise<void> {
  const node = await start(settings);
  const meter = new RateMeter(settings, (figures) => {
    tell(figures);
    void node.close({ deadlineMs: 0 });
  });
  node.handle('warm', () => {});
  node.handle('echo', (body) => body);
  node.handle(TOPIC, () => meter.count());
  node.on('nodedown', () => void node.close({ deadlineMs: 0 }));
  tell({ ready: true });
}

const settings = readSettings();
becomeUser(settings.user);
if (settings.role === 'send') await send(settings);
else await receive(settings);
