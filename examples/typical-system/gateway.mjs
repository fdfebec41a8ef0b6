// The gateway, at the firewall host. It listens outside and nowhere else, takes what clients ask
// for, and has it done by whoever serves the pool, over the planes. It is all that clients see.
import { createServer } from 'node:http';
import { joinCluster } from 'backplane/cluster';

const { LISTEN = '', POOL = '' } = process.env;
const [address, port] = LISTEN.split(':');
const DEADLINE_MS = 30_000;
const BODY_CHARACTERS = 65_536;
const CLIENTS = 1000;

// It is ready when it listens, not before.
const worker = await joinCluster({ isReady: false });
const { tasks } = worker;

/** The body of a request; null when it is too long. */
async function bodyOf(request) {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) {
    body += piece;
    if (body.length > BODY_CHARACTERS) return null;
  }
  return body;
}

/** Has a request done at one of the servers, and gives what it answered. */
async function forward({ method, url }, body, signal) {
  // Where the server that had it is lost, what changes nothing is done by another one. What changes
  // something is, too, where it is proven that it was not begun; else that is told.
  const delivery = method === 'GET' ? 'at-least-once' : 'at-most-once';
  const options = { delivery, deadlineMs: DEADLINE_MS, signal };
  try {
    return await tasks.run(POOL, { method, url, body }, options).result;
  } catch ({ code, ran }) {
    // 503: nothing was done, so ask again. 502: look what came of it before you ask again.
    return { status: ran === 'no' ? 503 : 502, answer: { error: code } };
  }
}

const server = createServer(async (request, response) => {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const body = await bodyOf(request);
    const tooLong = { status: 413, answer: { error: 'too long' } };
    const { status, answer } = body === null ? tooLong : await forward(request, body, gone.signal);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(answer)}\n`);
  } catch {
    // The client has gone in the middle of its request.
    response.destroy();
  }
});
server.maxConnections = CLIENTS;
server.listen(Number(port), address, () => {
  worker.status(`listens at ${LISTEN}`);
  worker.ready();
});
// At the end it takes no more, answers what it has taken, and then leaves the cluster.
worker.onEnd(() => new Promise((resolve) => server.close(resolve)));
