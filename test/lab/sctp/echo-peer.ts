/**
 * The far host of paths.test.ts: a process in its own network that echoes. Its addresses come with
 * the cables.
 */
import { listen } from '../../../src/sctp/index.js';
import { run } from './own-network.js';
import { echo } from './support.js';

process.send!('ready');
process.once('message', () => {
  const addresses: string[] = [];
  for (const [i, name] of ['a', 'b'].entries()) {
    addresses.push(`10.98.${i}.2`);
    run('ip', 'addr', 'add', `10.98.${i}.2/24`, 'dev', `${name}1`);
    run('ip', 'link', 'set', `${name}1`, 'up');
  }
  const server = listen({ addresses, ...JSON.parse(process.argv[2]!) });
  server.on('association', echo);
  process.send!(server.port);
});
process.once('disconnect', () => process.exit(0));
