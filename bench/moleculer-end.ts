/**
 * One end of the comparison with Moleculer's own TCP transporter, as a process of its own: a broker
 * with an action that returns what it is given, and one that keeps so many calls under way. Both
 * sides differ in the transporter and in nothing else. Arguments: see `arguments.ts`.
 */
import moleculer from 'moleculer';
import '../src/adapters/moleculer/index.js';
import { becomeUser, type EndSettings, RateMeter, readSettings, tell } from './arguments.js';

const { ServiceBroker } = moleculer;

/** The transporter of one end; the peer is known from the beginning, and nothing is discovered. */
function transporterOf({ role, local, peer, port, over, security }: EndSettings): object {
  const isSender = role === 'send';
  if (over === 'net') {
    const urls = isSender ? [`${peer}:${port}/receive@bench`] : [];
    const options = { udpDiscovery: false, urls, useHostname: false, gossipPeriod: 1, port };
    return { type: 'TCP', options };
  }
  const peers = isSender ? [{ name: 'receive@bench', addresses: [peer], port }] : [];
  // Both ends are ours and live for seconds.
  const key = Buffer.alloc(32, 0xb9);
  return { type: 'SCTP', options: { planes: [local], port, key, security, peers } };
}

function brokerOf(settings: EndSettings): moleculer.ServiceBroker {
  return new ServiceBroker({
    nodeID: `${settings.role}@bench`,
    logger: false,
    transporter: transporterOf(settings) as moleculer.GenericObject,
    // Those of the other end come by INFO alone.
    internalServices: false,
  });
}

async function send(settings: EndSettings): Promise<void> {
  const broker = brokerOf(settings);
  await broker.start();
  await broker.waitForServices('bench');
  const params = { text: 'x'.repeat(settings.size) };
  let isOver = false;
  const meter = new RateMeter(settings, (figures) => {
    tell(figures);
    isOver = true;
  });
  const caller = async () => {
    while (!isOver) {
      await broker.call('bench.echo', params);
      meter.count();
    }
  };
  await Promise.all(Array.from({ length: settings.inFlight }, caller));
  await broker.stop();
  process.exit();
}

async function receive(settings: EndSettings): Promise<void> {
  const broker = brokerOf(settings);
  broker.createService({
    name: 'bench',
    actions: { echo: (ctx: moleculer.Context) => ctx.params },
  });
  broker.localBus.on('$node.disconnected', () => void broker.stop().then(() => process.exit()));
  await broker.start();
  tell({ ready: true });
}

const settings = readSettings();
becomeUser(settings.user);
if (settings.role === 'send') await send(settings);
else await receive(settings);
