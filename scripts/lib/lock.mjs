/** One set-up of a folder at a time. */
import { statSync } from 'node:fs';
import { connect, createServer } from 'node:net';

/**
 * Runs `work` while no other process runs its own for the same folder.
 *
 * The lock is a listening socket in Linux's abstract namespace: taking it is atomic, the kernel
 * lets go of it however its holder ends, so there are no stale locks to judge, and who waits is
 * woken by its connection closing.
 *
 * @param {string} folder known by device and inode, so that two names of it are one lock
 * @param {() => void} onWait called once when another process holds it
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @template T
 */
export async function withLock(folder, onWait, work) {
  const { dev, ino } = statSync(folder);
  const name = `\0backplane-setup:${dev}:${ino}`;
  const waiting = new Set();
  let told = false;
  let server = await listen(name, waiting);
  while (server === null) {
    if (!told) onWait();
    told = true;
    await closed(name);
    server = await listen(name, waiting);
  }
  try {
    return await work();
  } finally {
    server.close();
    for (const socket of waiting) socket.destroy();
  }
}

/** Null when somebody else has it. */
function listen(name, waiting) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('close', () => waiting.delete(socket));
      socket.unref();
      waiting.add(socket);
    });
    server.unref();
    server.once('error', (error) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(name, () => resolve(server));
  });
}

/** Resolves when the holder's socket has gone. */
function closed(name) {
  return new Promise((resolve) => {
    const socket = connect(name);
    socket.on('error', () => {});
    socket.on('close', resolve);
    socket.resume();
  });
}
