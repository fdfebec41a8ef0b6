/**
 * The node that is attacked, at work: it handles what honest nodes send it. Its only argument:
 * options of `startNode`, as JSON. It ends when its parent lets go of it.
 */
import type { NodeOptions } from '../../src/index.js';
import type { Carrier } from '../../src/link/carrier.js';
import { sctpTransport } from '../../src/node/sctp-transport.js';
import { startNodeIn } from '../../src/node/start.js';
import type { Transport } from '../../src/node/transport.js';
import { systemRuntime } from '../../src/runtime/index.js';
import { hostName, localAddresses } from '../../src/runtime/network.js';

/**
 * What it tells: that it listens, each node that came up, and how long the association lived that
 * lived longest of those that came from none of its friends.
 */
export type Told =
  | { readonly listening: true }
  | { readonly up: string }
  | { readonly longestLifeMs: number };

/** `key` in hex. */
export interface HonestOptions extends Omit<NodeOptions, 'key'> {
  readonly key: string;
  /** Addresses no stranger comes from. */
  readonly friends: readonly string[];
}

/** Bodies it holds on to, as programs do. */
const KEPT = 20_000;

const { key, friends, ...options } = JSON.parse(process.argv[2]!) as HonestOptions;
const tell = (told: Told) => process.send?.(told);
let longestLifeMs = 0;

/** From the moment the node has it until the node is rid of it. */
function timeStranger(carrier: Carrier): Carrier {
  if (friends.includes(carrier.remoteAddress)) return carrier;
  const startMs = performance.now();
  const over = () => {
    const livedMs = performance.now() - startMs;
    if (livedMs <= longestLifeMs) return;
    longestLifeMs = livedMs;
    tell({ longestLifeMs });
  };
  const attach = carrier.attach.bind(carrier);
  const abort = carrier.abort.bind(carrier);
  carrier.attach = (handlers) =>
    attach({
      ...handlers,
      onEnd: (end, error) => {
        over();
        handlers.onEnd(end, error);
      },
    });
  carrier.abort = () => {
    over();
    abort();
  };
  return carrier;
}

const sctp = sctpTransport();
const transport: Transport = {
  engine: sctp.engine,
  dial: (...args) => sctp.dial(...args),
  listen: (port, given, handlers) =>
    sctp.listen(port, given, {
      ...handlers,
      onCarrier: (carrier) => handlers.onCarrier(timeStranger(carrier)),
    }),
};
const machine = { hostName: hostName(), addresses: localAddresses() };
const node = await startNodeIn(
  { runtime: systemRuntime, transport, machine },
  { ...options, key: Buffer.from(key, 'hex') },
);
const kept: unknown[] = [];
let handled = 0;
node.on('nodeup', ({ name }) => tell({ up: name }));
node.handle('work', (body) => {
  kept[handled % KEPT] = body;
  handled += 1;
  return handled;
});
process.once('disconnect', () => process.exit(0));
tell({ listening: true });
