/** Lets promises have their turn, as `settle` of virtual time does, at a part of what it costs. */

/** Immediates asked for at once: between two of them, whatever is ready runs. */
const TOGETHER = 64;
const waiting: (() => void)[] = [];
let asked = 0;

/**
 * Lets every promise that can settle do so, and all callbacks of process.nextTick run. Many times
 * in one turn of the real loop, which has nothing to bring to a world without sockets.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (asked > 0) return;
    asked = TOGETHER;
    for (let count = 0; count < TOGETHER; count++) setImmediate(next);
  });
}

function next(): void {
  asked--;
  waiting.shift()?.();
}
