/**
 * Metrics and probes by HTTP, at an address of their own: whoever may reach it learns how the node
 * is, and can change nothing.
 *
 * | path | answers |
 * |---|---|
 * | /metrics | the figures, for Prometheus |
 * | /health | how it is; 200 as long as the process turns, else 503 |
 * | /ready | the same; 200 when it can be used, else 503 |
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';
import { type HealthOptions, nodeHealth } from './health.js';

/** What it is made of. */
export interface HttpOptions extends HealthOptions {
  /** An IP address of this host, and a port; 0 lets the system choose. */
  readonly address: string;
  readonly port: number;
  /** The text for `/metrics`. */
  readonly metrics: () => Promise<string>;
}

/** One that is open. */
export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

const JSON_TYPE = 'application/json';
const METRICS_TYPE = 'text/plain; version=0.0.4';

/**
 * Serves them. It keeps no process alive.
 * @throws (rejects) NodeError ERR_HTTP: the address cannot be listened at.
 */
export async function serveHttp(node: ClusterNode, options: HttpOptions): Promise<HttpServer> {
  const server = createServer({ requestTimeout: limits.controlMs }, (request, response) => {
    void answer(node, options, request, response);
  });
  server.maxConnections = limits.controlClients;
  server.setTimeout(limits.controlMs);
  server.unref();
  const { address, port } = options;
  await listen(server, address, port);
  return {
    port: (server.address() as { port: number }).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NodeError('ERR_HTTP', `${address}, port ${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, address, resolve);
  });
}

async function answer(
  node: ClusterNode,
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const write = (status: number, type: string, text: string) => {
    response.writeHead(status, { 'content-type': type, connection: 'close' });
    response.end(request.method === 'HEAD' ? '' : text);
  };
  const tell = (status: number, value: unknown) => {
    write(status, JSON_TYPE, `${JSON.stringify(value)}\n`);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return tell(405, { error: 'only GET is answered' });
  }
  try {
    const { alarms, minLinks, configuration } = options;
    const health = nodeHealth(node, {
      ...(alarms === undefined ? {} : { alarms }),
      ...(minLinks === undefined ? {} : { minLinks }),
      ...(configuration === undefined ? {} : { configuration }),
    });
    // A configuration that cannot be read yet is none to work with.
    const isReadable = health.configuration === null || health.configuration.revision !== null;
    switch (request.url) {
      case '/metrics':
        return write(200, METRICS_TYPE, await options.metrics());
      case '/health':
        return tell(health.live ? 200 : 503, health);
      case '/ready':
        return tell(health.live && health.ready && isReadable ? 200 : 503, health);
      default:
        return tell(404, { error: 'there are /metrics, /health and /ready' });
    }
  } catch (error) {
    tell(500, { error: String(error) });
  }
}
