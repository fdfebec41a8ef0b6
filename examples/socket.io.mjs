// Two servers of socket.io that act as one, with a link of Backplane between them.
import { randomBytes } from 'node:crypto';
import { startNode } from 'backplane';
import { createAdapter } from 'backplane/socket.io';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';

// One address per plane. On two hosts: { a: '10.1.0.0/24', b: '10.2.0.0/24' }.
const planes = process.argv.length > 2 ? process.argv.slice(2) : ['127.0.0.1'];
const key = randomBytes(32); // on two hosts: keyFile, made by `npx backplane keygen`

const one = await startNode({ name: 'one@here', planes, key, port: 24101 });
const two = await startNode({ name: 'two@here', planes, key, port: 24102 });
await one.connect({ name: 'two@here', addresses: planes, port: 24102 });

function serve(node, port) {
  const io = new Server({ adapter: createAdapter(node) });
  io.on('connection', (socket) => {
    socket.join('room');
    socket.on('chat message', (text) =>
      io.to('room').emit('chat message', `${node.name}: ${text}`),
    );
  });
  io.on('ping servers', (reply) => reply(`pong of ${node.name}`));
  return io.listen(port);
}
const servers = [serve(one, 24201), serve(two, 24202)];
while ((await servers[0].of('/').adapter.serverCount()) < 2) await one.ping('two@here');

const clients = ['http://127.0.0.1:24201', 'http://127.0.0.1:24202'].map((url) => connect(url));
await Promise.all(clients.map((client) => new Promise((resolve) => client.on('connect', resolve))));

const heard = new Promise((resolve) => clients[1].once('chat message', resolve));
clients[0].emit('chat message', 'hello');
console.log(await heard);

for (const client of clients) client.on('question', (value, reply) => reply(value * 2));
console.log('answers', await servers[0].timeout(1000).emitWithAck('question', 21));
console.log(await servers[0].serverSideEmitWithAck('ping servers'));
console.log('sockets', (await servers[0].fetchSockets()).length);

for (const client of clients) client.disconnect();
await Promise.all(servers.map((server) => server.close()));
await Promise.all([one.close(), two.close()]);
