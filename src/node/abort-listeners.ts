/**
 * Who waits for the abort of a signal. However many calls share one, it has one listener of ours:
 * with more, Node.js would warn of a leak, and take a look at each of them whenever one goes.
 */

interface Shared {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const all = new WeakMap<AbortSignal, Shared>();

function share(signal: AbortSignal): Shared {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of callbacks) callback();
  };
  const shared = { callbacks, listener };
  all.set(signal, shared);
  signal.addEventListener('abort', listener, { once: true });
  return shared;
}

/**
 * Calls back when a signal is aborted.
 * @param aborted a function of its own for each call; must not throw
 * @returns Ends that.
 */
export function onAbort(signal: AbortSignal, aborted: () => void): () => void {
  const { callbacks, listener } = all.get(signal) ?? share(signal);
  callbacks.add(aborted);
  return () => {
    callbacks.delete(aborted);
    if (callbacks.size > 0) return;
    all.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}
