/**
 * Calls back when a socket closed now is released, so that its port can be bound again. The addon
 * closes a descriptor in the closing phase of the event loop, which comes after the first of these
 * immediates and before the second.
 */
export function afterRelease(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}
