/** `backplane/socket.io`: servers of socket.io in touch with each other over links of nodes. */
import type { Adapter } from 'socket.io-adapter';
import { ClusterNode, NodeError } from '../../index.js';
import { BackplaneAdapter, type NamespaceLike } from './adapter.js';
import { hubOf } from './hub.js';

export type { NamespaceLike } from './adapter.js';

/** How servers find each other. */
export interface AdapterOptions {
  /**
   * Servers with the same prefix are one; a node that serves several of them gives each its own. A
   * topic of the node. Default 'socket.io'.
   */
  readonly prefix?: string;
}

/**
 * Makes what `io.adapter(...)` takes, or `adapter` among the options of a `Server`. The node stays
 * the program's own: close the server first, then the node.
 *
 * @param node the node this process has. Every other node it has a link with may have a server.
 * @throws NodeError ERR_ARGUMENT; what it returns throws NodeError ERR_STATE when the node serves
 *   the same namespace with the same prefix already, or has a handler of its own for that topic.
 */
export function createAdapter(
  node: ClusterNode,
  options: AdapterOptions = {},
): (namespace: NamespaceLike) => Adapter {
  if (!(node instanceof ClusterNode)) {
    throw new NodeError('ERR_ARGUMENT', 'createAdapter takes a node, as startNode gives it');
  }
  const { prefix = 'socket.io' } = options;
  // A function of the old kind: socket.io calls it with `new`.
  function adapterOf(namespace: NamespaceLike): Adapter {
    const hub = hubOf(node, prefix);
    hub.checkFree(namespace.name);
    return new BackplaneAdapter(namespace, hub);
  }
  return adapterOf;
}
