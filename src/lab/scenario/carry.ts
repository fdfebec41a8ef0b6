/** Carries one real file over a link, in order, and compares digests at both ends. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterNode } from '../../index.js';
import { Sha256 } from '../../runtime/crypto.js';

/** Bytes and SHA-256 (hex) of what was read at one end, or arrived at the other. */
export interface Carried {
  readonly bytes: number;
  readonly sha256: string;
}

/** Travels in one piece: what is put together from fragments takes memory of its own. */
const CHUNK_MAX_BYTES = 64 * 1024;
const CHUNK_MIN_BYTES = 512;
/** Pieces a small file is cut into, so that many of them are under way while the plane is cut. */
const PIECES = 2000;

/**
 * A piece for a file of `bytes`: small files are spread over the whole run, large ones go in large
 * pieces.
 */
export function chunkBytes(bytes: number): number {
  return Math.min(CHUNK_MAX_BYTES, Math.max(CHUNK_MIN_BYTES, Math.ceil(bytes / PIECES)));
}

/**
 * Sends the file in pieces spread evenly over `durationMs` (a file too large for that takes as long
 * as the link needs), then its end. Resolves when the last piece was handed over.
 */
export async function carryFile(
  node: ClusterNode,
  to: string,
  file: string,
  durationMs: number,
): Promise<Carried> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const step = chunkBytes(size);
    const hash = new Sha256();
    const startMs = performance.now();
    node.send(to, 'file', { name: path.basename(file) });
    let sent = 0;
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(step), 0, step, sent);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      sent += bytesRead;
      if (!node.send(to, 'file', piece)) await once(node, 'drain');
      const aheadMs = (sent / size) * durationMs - (performance.now() - startMs);
      if (aheadMs > 1) await sleep(aheadMs);
    }
    node.send(to, 'file', { end: true });
    return { bytes: sent, sha256: hash.hex() };
  } finally {
    await handle.close();
  }
}

/**
 * Writes an arriving file into `folder` as `carried-<name>`; `done` is called when its end came.
 */
export function receiveFile(
  node: ClusterNode,
  folder: string,
  done: (carried: Carried) => void,
): void {
  let hash = new Sha256();
  let bytes = 0;
  let output: ReturnType<typeof createWriteStream> | null = null;
  node.handle('file', (body) => {
    if (body instanceof Uint8Array) {
      hash.update(body);
      bytes += body.length;
      output?.write(body);
      return;
    }
    const { name, end } = body as { name?: string; end?: boolean };
    if (name !== undefined) {
      hash = new Sha256();
      bytes = 0;
      output = createWriteStream(path.join(folder, `carried-${path.basename(name)}`));
    }
    if (end === true) {
      const carried = { bytes, sha256: hash.hex() };
      output?.end(() => done(carried));
    }
  });
}
