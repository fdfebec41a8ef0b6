/** Signals a worker can be asked to stop with, by their numbers on Linux. */
export const stopSignals = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
} as const;

/** Names of these signals. */
export type StopSignal = keyof typeof stopSignals;

/** The name of a signal, or its number where it is none of ours. */
export function signalName(number: number): string {
  const found = Object.entries(stopSignals).find(([, each]) => each === number);
  return found?.[0] ?? OTHERS[number] ?? `signal ${number}`;
}

/** What else ends processes. */
const OTHERS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};
