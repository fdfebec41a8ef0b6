/** Gives up root, then makes three sockets with default options and says what came of it. */
import { once } from 'node:events';
import { connect, listen, sctpSupport } from '../../../src/sctp/index.js';
import { collect, echo } from './support.js';

/** Few enough that they do not fill a receive buffer, which small ones do with their overhead. */
const MESSAGES = 100;

// Loads the addon: the checkout may lie where only root can read.
sctpSupport();
process.setgroups!([]);
process.setgid!(65534);
process.setuid!(65534);

const warnings: { code: string | undefined; message: string }[] = [];
process.on('warning', (warning: Error & { code?: string }) =>
  warnings.push({ code: warning.code, message: warning.message }),
);
const server = listen({ addresses: ['127.0.0.1'] });
server.on('association', echo);
connect({ addresses: ['127.0.0.1'], port: server.port }).abort();
const association = connect({ addresses: ['127.0.0.1'], port: server.port });
association.whenUp().then(async () => {
  const answers = collect(association, MESSAGES);
  for (let i = 0; i < MESSAGES; i += 1) association.send(Buffer.alloc(200));
  const echoed = (await answers).length;
  const { maxMessageBytes } = association;
  const closed = once(association, 'close');
  association.abort();
  server.close();
  await closed;
  const user = process.getuid!();
  console.log(JSON.stringify({ user, warnings, maxMessageBytes, echoed }));
});
