/** The orderly end of a process that is asked to end. */

const numbers = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Does something at the first SIGTERM or SIGINT, and ends the process when it is done. What it
 * rejects with is an error that nobody has caught. A second signal ends the process at once, with
 * the exit code of one that the signal killed.
 * @returns Gives the signals back.
 */
export function onTermination(end: () => Promise<void>): () => void {
  let count = 0;
  const listeners = Object.entries(numbers).map(([signal, number]) => {
    const listener = () => {
      count++;
      if (count > 1) process.exit(128 + number);
      void end().then(() => process.exit());
    };
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  });
  return () => {
    for (const release of listeners) release();
  };
}
