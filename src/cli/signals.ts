/** Ending a command that runs until it is interrupted. */

const numbers = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Resolves at the first SIGINT or SIGTERM, for an orderly end; a second one ends the process at
 * once, with the exit code of a process the signal killed.
 */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    for (const [signal, number] of Object.entries(numbers)) {
      process.on(signal, () => {
        count += 1;
        if (count > 1) process.exit(128 + number);
        resolve();
      });
    }
  });
}
