// Clients outside. They know HTTP and one address, and nothing of hosts, planes and Backplane:
//
//     node client.mjs http://10.3.0.5:8080 [requests per second]
//
// Each second, and at the end (SIGTERM), it prints as JSON what came of the requests that were
// answered since.
const [url, perSecond = '50'] = process.argv.slice(2);
/** One of so many requests is an order; the others ask for a price. */
const ORDER_EVERY = 5;
const DEADLINE_MS = 60_000;

const nothing = () => ({ done: 0, failed: [], unknown: [], orders: [], by: {}, prices: [], ms: 0 });
let since = nothing();
let number = 0;
const waiting = new Set();

async function ask() {
  number++;
  const isOrder = number % ORDER_EVERY === 0;
  const id = isOrder ? `${process.pid}-${number}` : null;
  const startMs = performance.now();
  try {
    const response = await fetch(`${url}/${isOrder ? 'orders' : 'prices'}/apple`, {
      ...(isOrder ? { method: 'POST', body: id } : {}),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const { cents, by, error } = await response.json();
    if (response.ok) {
      since.done++;
      since.by[by] = (since.by[by] ?? 0) + 1;
      if (!since.prices.includes(cents)) since.prices.push(cents);
      if (isOrder) since.orders.push(id);
    } else if (isOrder && response.status === 502) {
      // It has come or not; whoever ordered has to look, and so nothing is done twice.
      since.unknown.push(id);
    } else {
      since.failed.push(`${response.status} ${error}`);
    }
  } catch (error) {
    since.failed.push(error.cause?.code ?? error.message);
  }
  since.ms = Math.max(since.ms, Math.ceil(performance.now() - startMs));
}

function report() {
  console.log(JSON.stringify(since));
  since = nothing();
}

const asking = setInterval(() => {
  const one = ask().finally(() => waiting.delete(one));
  waiting.add(one);
}, 1000 / Number(perSecond));
const reporting = setInterval(report, 1000);
process.once('SIGTERM', async () => {
  clearInterval(asking);
  clearInterval(reporting);
  await Promise.all(waiting);
  report();
});
