/**
 * One end of a one-way flood over `backplane/sctp` with its default options, as a process of its
 * own. Takes the arguments of `raw/sctp_flood.c` and answers as that does, so that both are run by
 * the same hand:
 *
 *   flood.js receive --local A --port P [--size N] [--warmup-ms N] [--measure-ms N] [--user UID]
 *   flood.js send --local A --peer B --port P [--size N] [--user UID]
 *
 * Both ends also tell the warnings with a code that this process gave: the receiver with its
 * figures, the sender when the receiver has ended the association.
 */
import { type Association, connect, listen } from '../src/sctp/index.js';
import { becomeUser, type EndSettings, RateMeter, readSettings, tell } from './arguments.js';

const warnings: string[] = [];

async function send({ local, peer, port, size }: EndSettings): Promise<void> {
  const association = connect({ addresses: [peer], port, localAddresses: [local] });
  await association.whenUp();
  const message = Buffer.alloc(size);
  const fill = () => {
    while (association.send(message));
  };
  association.on('drain', fill);
  association.on('close', () => tell({ warnings }));
  fill();
}

function receive(settings: EndSettings): void {
  const server = listen({ addresses: [settings.local], port: settings.port });
  server.once('association', (association) => {
    server.close();
    measure(association, settings);
  });
  tell({ ready: true });
}

function measure(association: Association, settings: EndSettings): void {
  const meter = new RateMeter(settings, (figures) => {
    tell({ ...figures, warnings });
    association.abort();
  });
  association.on('message', () => meter.count());
  association.once('lost', ({ error }) => {
    throw error;
  });
}

const settings = readSettings();
process.on('warning', (warning) => {
  const { code } = warning as Error & { code?: string };
  if (code !== undefined) warnings.push(code);
});
becomeUser(settings.user);
if (settings.role === 'send') await send(settings);
else if (settings.role === 'receive') receive(settings);
else throw new Error('usage: flood.js send|receive --local A --port P ...');
