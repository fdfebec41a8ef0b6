/** Which messages of Moleculer wait for which others. */
import type { SendOptions } from '../../index.js';
import { limits } from '../../limits.js';
import type { Packet } from './framework.js';

/** What makes the work of a cluster; all other packets keep it together. */
const WORK: ReadonlySet<string> = new Set(['REQ', 'RES', 'EVENT']);

/**
 * How a packet travels. Every class has an order of its own, so none waits for another; what keeps
 * the cluster together (INFO, DISCOVER, HEARTBEAT, PING, PONG, DISCONNECT) also goes first.
 *
 * Requests share one order, and so do answers: they leave together, in one bundle. The pieces of
 * one stream have an order of their own, and so has a request or answer that travels in fragments,
 * which small ones would have to wait for.
 * @param bytes length of the packet when serialized.
 */
export function laneOf({ type, payload }: Packet, bytes: number): SendOptions {
  if (!WORK.has(type)) return { orderKey: type, priority: true };
  const isStream = payload.seq !== undefined && payload.seq !== null;
  if (type === 'EVENT' || !(isStream || bytes > limits.fragmentBytes)) return { orderKey: type };
  return { orderKey: String(payload.id) };
}
