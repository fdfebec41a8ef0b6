/**
 * The control socket of a node: a Unix socket that answers questions of `backplane nodes` and
 * `backplane paths`, of probes and of Prometheus, in HTTP. By itself it only tells. What can be
 * changed through it is what the program gives it as `posts`.
 */
import { chmod, lstat, mkdtemp, rename, rm, rmdir } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { dirname, join } from 'node:path';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { NodeView, PathView } from '../node/events.js';
import type { ClusterNode } from '../node/node.js';
import type { NodeTraffic } from '../node/traffic.js';
import type { AlarmWatch } from './alarm-watch.js';
import type { Alarm } from './alarms.js';
import { isAnswered } from './control-client.js';
import { answerPost } from './control-post.js';
import { nodeHealth } from './health.js';
import type { ObservedConfig } from './observed-config.js';

/** The node that answers. */
export interface ControlSelf {
  /** Its full name. */
  readonly name: string;
  readonly incarnation: string;
  /** 'starting', 'listening', 'closing' or 'closed'. */
  readonly state: ClusterNode['state'];
  readonly engine: string;
  readonly port: number;
  /** Its planes, each with the local address. */
  readonly planes: ClusterNode['planes'];
}

/** Answer to `GET /nodes`. */
export interface NodesAnswer {
  readonly self: ControlSelf;
  /** The nodes it has links with. */
  readonly nodes: readonly NodeView[];
  readonly traffic: readonly NodeTraffic[];
  /** Active alarms, the worst first; empty where the node has none watched. */
  readonly alarms: readonly Alarm[];
}

/** One path, with the node it leads to. */
export interface NodePath extends PathView {
  readonly name: string;
}

/** Answer to `GET /paths` and `GET /paths?name=NAME`. */
export interface PathsAnswer {
  readonly self: ControlSelf;
  readonly paths: readonly NodePath[];
}

/** Answer to `GET /alarms`. */
export interface AlarmsAnswer {
  readonly self: ControlSelf;
  readonly active: readonly Alarm[];
  /** Those that were cleared, the oldest first. */
  readonly history: readonly Alarm[];
  /** Alarms there was no room for. */
  readonly dropped: number;
}

/** What a control socket is made of. */
export interface ControlOptions {
  /** Path of the Unix socket, at most limits.socketPathBytes long. Its folder must be there. */
  readonly path: string;
  readonly alarms?: AlarmWatch;
  /**
   * The text for `GET /metrics`: `() => registry.metrics()`, or that of `metricsText`. Default:
   * there is none.
   */
  readonly metrics?: () => Promise<string>;
  /** Links the node needs to be ready. Default 0. */
  readonly minLinks?: number;
  /** The configuration of the node, for `GET /health`. */
  readonly configuration?: ObservedConfig;
  /** What answers `POST` requests, by their path. Default: nothing does. */
  readonly posts?: Readonly<Record<string, ControlPost>>;
}

/**
 * Answers a request of somebody who may administrate the node.
 * @param body its JSON
 * @param signal is aborted when whoever asked is gone
 * @returns What becomes the answer's JSON: one value, or several, a line each, as they come. What
 *   is thrown as a BackplaneError goes back with its code.
 */
export type ControlPost = (
  body: unknown,
  signal: AbortSignal,
) => Promise<unknown> | AsyncIterable<unknown>;

/** A control socket that is open. */
export interface ControlServer {
  readonly path: string;
  /** Closes it and removes its file. */
  close(): Promise<void>;
}

/** Who runs the node and its group may ask; nobody else. */
const SOCKET_MODE = 0o660;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const json = (value: unknown, status = 200): Answer => ({
  status,
  type: 'application/json',
  text: `${JSON.stringify(value)}\n`,
});

function selfOf({ name, incarnation, state, engine, port, planes }: ClusterNode): ControlSelf {
  return { name, incarnation, state, engine, port, planes };
}

function pathsOf(node: ClusterNode, wanted: string | null): PathsAnswer {
  const names = node.nodes.map(({ name }) => name);
  const paths = names
    .filter((name) => wanted === null || name === wanted)
    .flatMap((name) => node.paths(name).map((path) => ({ name, ...path })));
  return { self: selfOf(node), paths };
}

async function answer(
  node: ClusterNode,
  { alarms, metrics, minLinks, configuration }: ControlOptions,
  url: URL,
): Promise<Answer> {
  const self = selfOf(node);
  switch (url.pathname) {
    case '/nodes': {
      const { nodes, traffic } = node;
      return json({ self, nodes, traffic, alarms: alarms?.active ?? [] } satisfies NodesAnswer);
    }
    case '/paths':
      return json(pathsOf(node, url.searchParams.get('name')));
    case '/alarms': {
      const { active = [], history = [], dropped = 0 } = alarms ?? {};
      return json({ self, active, history, dropped } satisfies AlarmsAnswer);
    }
    case '/health': {
      const health = nodeHealth(node, {
        ...(alarms === undefined ? {} : { alarms }),
        ...(minLinks === undefined ? {} : { minLinks }),
        ...(configuration === undefined ? {} : { configuration }),
      });
      return json(health, health.live && health.ready ? 200 : 503);
    }
    case '/metrics':
      if (metrics !== undefined) {
        return { status: 200, type: 'text/plain; version=0.0.4', text: await metrics() };
      }
  }
  return json({ error: `there is no ${url.pathname}` }, 404);
}

function listener(node: ClusterNode, options: ControlOptions): RequestListener {
  const reply = async (request: IncomingMessage): Promise<Answer> => {
    if (request.method !== 'GET') return json({ error: 'only GET is answered' }, 405);
    // A request line that is no address is the client's fault, and must not end the node.
    if (!URL.canParse(request.url ?? '', 'http://node')) return json({ error: 'bad address' }, 400);
    return answer(node, options, new URL(request.url ?? '', 'http://node'));
  };
  const { posts = {} } = options;
  const write = (response: ServerResponse, { status, type, text }: Answer) => {
    response.writeHead(status, { 'content-type': type, connection: 'close' });
    response.end(text);
  };
  return (request, response) => {
    const { method, url = '' } = request;
    if (method === 'POST' && Object.hasOwn(posts, url)) {
      void answerPost(posts[url] as ControlPost, request, response);
      return;
    }
    reply(request).then(
      (found) => write(response, found),
      (error: unknown) => write(response, json({ error: String(error) }, 500)),
    );
  };
}

/** A socket is bound where nobody else looks, given its mode, and only then put in its place. */
async function bind(server: Server, path: string): Promise<void> {
  const folder = await mkdtemp(join(dirname(path), '.b'));
  const hidden = join(folder, 's');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(hidden, () => {
        server.off('error', reject);
        resolve();
      });
    });
    await chmod(hidden, SOCKET_MODE);
    // Takes the place of what a node that was killed has left.
    await rename(hidden, path);
  } finally {
    await rmdir(folder).catch(() => rm(folder, { recursive: true, force: true }));
  }
}

async function inodeOf(path: string): Promise<bigint | null> {
  try {
    const status = await lstat(path, { bigint: true });
    if (!status.isSocket()) throw new NodeError('ERR_CONTROL', `${path} is not a socket`);
    return status.ino;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}

/** @throws (rejects) NodeError ERR_CONTROL: it is too long, no socket, or another node's. */
async function checkFree(path: string): Promise<void> {
  // The hidden name is longer by a folder.
  const longest = Buffer.byteLength(join(dirname(path), '.bXXXXXX', 's'));
  if (Math.max(longest, Buffer.byteLength(path)) > limits.socketPathBytes) {
    throw new NodeError('ERR_CONTROL', `${path} is too long for a socket`);
  }
  if ((await inodeOf(path)) !== null && (await isAnswered(path))) {
    throw new NodeError('ERR_CONTROL', `another process answers at ${path}`);
  }
}

/**
 * Opens the control socket of a node. A socket that a killed process has left is replaced. It keeps
 * no process alive.
 * @throws (rejects) NodeError ERR_CONTROL: the path cannot be used, or another process answers
 *   there.
 */
export async function serveControl(
  node: ClusterNode,
  options: ControlOptions,
): Promise<ControlServer> {
  const { path } = options;
  const server = createServer({ requestTimeout: limits.controlMs }, listener(node, options));
  server.maxConnections = limits.controlClients;
  server.setTimeout(limits.controlMs);
  server.unref();
  let inode: bigint | null;
  try {
    await checkFree(path);
    await bind(server, path);
    inode = await inodeOf(path);
  } catch (cause) {
    server.close();
    if (cause instanceof NodeError) throw cause;
    throw new NodeError('ERR_CONTROL', `${path}: ${(cause as Error).message}`, { cause });
  }
  const close = async () => {
    // Another node may have taken the place meanwhile.
    if ((await inodeOf(path).catch(() => null)) === inode) await rm(path, { force: true });
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  };
  let closed: Promise<void> | null = null;
  return {
    path,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}
