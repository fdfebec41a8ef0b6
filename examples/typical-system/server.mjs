// A server, at a traffic host. It knows nothing of clients, hosts and planes: it does the tasks of
// its pool, with the settings that the configuration has for it.
import { joinCluster } from 'backplane/cluster';

const CONCURRENCY = 32;

// It is ready when it serves, not before.
const worker = await joinCluster({ isReady: false });

/** As it is now: what an operator writes holds from the next request on. */
function priceOf(article) {
  const prices = worker.settings.get('prices') ?? {};
  return Object.hasOwn(prices, article) ? prices[article] : null;
}

/** `GET /prices/apple`: changes nothing, so nobody minds if it is done twice. */
function price(article, cents) {
  return { status: 200, answer: { article, cents, by: worker.host } };
}

/** `POST /orders/apple`: not to be done twice. Output is what `backplane workers logs` shows. */
function order(article, cents, id) {
  console.log(JSON.stringify({ order: id, article, cents }));
  return { status: 201, answer: { id, cents, by: worker.host } };
}

function handle({ method, url, body }) {
  const [, what, article] = url.split('/');
  const cents = priceOf(article);
  if (cents !== null && method === 'GET' && what === 'prices') return price(article, cents);
  if (cents !== null && method === 'POST' && what === 'orders') return order(article, cents, body);
  return { status: 404, answer: { error: 'no such thing' } };
}

worker.tasks.serve(worker.pool, handle, { concurrency: CONCURRENCY });
worker.status(`serves ${worker.pool}`);
worker.ready();
