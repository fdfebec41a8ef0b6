/** Which nodeID of Moleculer is at which node. */
import { limits } from '../../limits.js';

/**
 * Learned from what comes in: every packet says whose it is, and the link says from where. A nodeID
 * belongs to one node until its broker says goodbye or the link ends.
 */
export class Roster {
  readonly #nodes = new Map<string, string>();
  readonly #nodeIds = new Map<string, Set<string>>();

  /** Name of the node a nodeID is at. */
  nodeOf(nodeId: string): string | undefined {
    return this.#nodes.get(nodeId);
  }

  /**
   * Notes whose packet came from where.
   * @returns null, or in words why it is not to be believed: that nodeID is at another node, or
   *   the node has limits.nodeIdsPerNode already.
   */
  learn(nodeId: string, node: string): string | null {
    const known = this.#nodes.get(nodeId);
    if (known === node) return null;
    if (known !== undefined) return `nodeID ${nodeId} of ${node} is that of a broker at ${known}`;
    const nodeIds = this.#nodeIds.get(node) ?? new Set();
    if (nodeIds.size >= limits.nodeIdsPerNode) {
      return `${node} has ${limits.nodeIdsPerNode} brokers already`;
    }
    this.#nodes.set(nodeId, node);
    this.#nodeIds.set(node, nodeIds.add(nodeId));
    return null;
  }

  /** A broker said goodbye. */
  forget(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) return;
    this.#nodes.delete(nodeId);
    const nodeIds = this.#nodeIds.get(node);
    if (nodeIds?.delete(nodeId) === true && nodeIds.size === 0) this.#nodeIds.delete(node);
  }

  /** The link to a node is over. @returns the nodeIDs that were there. */
  takeAll(node: string): string[] {
    const nodeIds = [...(this.#nodeIds.get(node) ?? [])];
    for (const nodeId of nodeIds) this.forget(nodeId);
    return nodeIds;
  }
}
