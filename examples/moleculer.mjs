// Two brokers of Moleculer, as its documentation has them, with links of Backplane between them.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { startNode } from 'backplane';
import 'backplane/moleculer';
import moleculer from 'moleculer';

// One address per plane. On two hosts: { a: '10.1.0.0/24', b: '10.2.0.0/24' }.
const planes = process.argv.length > 2 ? process.argv.slice(2) : ['127.0.0.1'];
const key = randomBytes(32); // on two hosts: keyFile, made by `npx backplane keygen`

// A broker that starts a node of its own: the node is called like the broker.
const one = new moleculer.ServiceBroker({
  nodeID: 'one@here',
  logger: false,
  transporter: {
    type: 'SCTP',
    options: {
      planes,
      key,
      port: 24101,
      peers: [{ name: 'two@here', addresses: planes, port: 24102 }],
    },
  },
});

// A broker on a node that the program has for other things, too.
const node = await startNode({ name: 'two@here', planes, key, port: 24102 });
const two = new moleculer.ServiceBroker({
  nodeID: 'two',
  logger: false,
  transporter: { type: 'SCTP', options: { node } },
});

two.createService({
  name: 'math',
  actions: {
    add: (ctx) => Number(ctx.params.a) + Number(ctx.params.b),
  },
});
two.createService({
  name: 'files',
  actions: {
    save: async (ctx) => ({ saved: (await buffer(ctx.params)).length }),
  },
});
const created = new Promise((resolve) => {
  two.createService({
    name: 'mail',
    events: { 'user.created': (ctx) => resolve(ctx.params) },
  });
});

await Promise.all([one.start(), two.start()]);
await one.waitForServices(['math', 'files', 'mail']);

console.log('5 + 3 =', await one.call('math.add', { a: 5, b: 3 }));
console.log(
  'saved',
  (await one.call('files.save', Readable.from([Buffer.alloc(1024 * 1024)]))).saved,
);
one.emit('user.created', { name: 'John' });
console.log('mail to', (await created).name);
console.log('nodes', (await one.call('$node.list')).map(({ id }) => id).join(' '));

await Promise.all([one.stop(), two.stop()]);
await node.close();
