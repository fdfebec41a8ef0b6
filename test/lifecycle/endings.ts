/** How a process or a worker in a state comes to its end. */

/** An ending; `inWorker` says that a worker is in the state, and not the process itself. */
export interface Ending {
  readonly name: 'return' | 'exit' | 'throw' | 'terminate' | 'outlive';
  readonly inWorker: boolean;
  /** Exit code of the process. */
  readonly code: number;
  /** All environments are torn down in it, so that whatever is left is a leak. */
  readonly tornDown: boolean;
  /** Only for states in which the loop runs out. */
  readonly onlyQuiet: boolean;
}

/** All endings. */
export const endings: readonly Ending[] = [
  // The loop runs out, and the environment is torn down.
  { name: 'return', inWorker: false, code: 0, tornDown: true, onlyQuiet: true },
  // process.exit: the environment is left as it is.
  { name: 'exit', inWorker: false, code: 0, tornDown: false, onlyQuiet: false },
  { name: 'throw', inWorker: false, code: 1, tornDown: false, onlyQuiet: false },
  // The same in a worker, whose environment is always torn down.
  { name: 'return', inWorker: true, code: 0, tornDown: true, onlyQuiet: true },
  { name: 'exit', inWorker: true, code: 0, tornDown: true, onlyQuiet: false },
  { name: 'throw', inWorker: true, code: 0, tornDown: true, onlyQuiet: false },
  // From outside, while the worker stands still in the state.
  { name: 'terminate', inWorker: true, code: 0, tornDown: true, onlyQuiet: false },
  // The process exits while the worker stands still in the state.
  { name: 'outlive', inWorker: true, code: 0, tornDown: false, onlyQuiet: false },
];

/** Text by which a program is told an ending, and back. */
export function endingText(ending: Ending): string {
  return `${ending.inWorker ? 'worker ' : ''}${ending.name}`;
}

/** The ending of that text. @throws RangeError when there is none. */
export function endingNamed(text: string): Ending {
  const found = endings.find((one) => endingText(one) === text);
  if (found === undefined) throw new RangeError(`no ending "${text}"`);
  return found;
}

/** Ends this process or worker by itself. */
export function endHere(name: Ending['name']): void {
  if (name === 'exit') process.exit(0);
  if (name === 'throw') throw new Error('the end');
}
