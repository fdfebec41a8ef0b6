/**
 * An honest node that joins its peer again and again, and tells how long that took. Its only
 * argument: options of `startNode` and the peer, as JSON. It ends at the first message it is sent.
 */
import { once } from 'node:events';
import { type NodeOptions, type PeerOptions, startNode } from '../../src/index.js';

/** What it tells: that its messages were handled, then each join. */
export type Told = { readonly worked: number } | { readonly joinMs: number };

export interface JoinerOptions {
  readonly node: Omit<NodeOptions, 'key'>;
  /** In hex. */
  readonly key: string;
  readonly peer: PeerOptions;
  /** Messages to `work` before the first join that counts. */
  readonly messages: number;
  /** Between two joins. */
  readonly pauseMs: number;
}

const {
  node: options,
  key,
  peer,
  messages,
  pauseMs,
} = JSON.parse(process.argv[2]!) as JoinerOptions;
const node = await startNode({ ...options, key: Buffer.from(key, 'hex') });
let isOver = false;
process.once('message', () => {
  isOver = true;
});
process.once('disconnect', () => process.exit(0));
const tell = (told: Told) => process.send?.(told);

await node.connect(peer);
for (let number = 0; number < messages; number += 1) {
  const body = { number, text: `message ${number}`, list: [number, [number], { number }] };
  if (!node.send(peer.name, 'work', body)) await once(node, 'drain');
}
// Of the same topic: answered after all of them.
const worked = await node.call(peer.name, 'work', null, { deadlineMs: 60_000 });
await node.disconnect(peer.name);
tell({ worked: Number(worked) });
while (!isOver) {
  const startMs = performance.now();
  const up = once(node, 'nodeup');
  await node.connect(peer);
  await up;
  tell({ joinMs: performance.now() - startMs });
  await node.disconnect(peer.name);
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}
await node.close();
process.disconnect();
