/** Which test files are asked for on the command line. */

/** Files of each kind, by their paths from the folder of all tests. */
export interface TestFiles {
  readonly unit: readonly string[];
  readonly lab: readonly string[];
}

/** The command line asks for nothing that there is. */
export class SelectionError extends Error {}

const KINDS = ['unit', 'lab'] as const;

/**
 * Those that are asked for: of the kinds that are named, or of both, whose paths hold any of the
 * texts that are given, or all.
 * @throws SelectionError: an option is none of ours, or no path holds one of the texts. What is
 *   mistyped would otherwise be left out of a run that says that all is well.
 */
export function selected(args: readonly string[], all: TestFiles): TestFiles {
  const isOption = (arg: string) => arg.startsWith('-');
  const unknown = args.filter((arg) => isOption(arg) && !KINDS.some((kind) => arg === `--${kind}`));
  if (unknown.length > 0) throw new SelectionError(`unknown option ${unknown.join(' ')}`);
  const named = KINDS.filter((kind) => args.includes(`--${kind}`));
  const kinds = named.length === 0 ? KINDS : named;
  const texts = args.filter((arg) => !isOption(arg));
  const [unit, lab] = KINDS.map((kind) => (kinds.includes(kind) ? all[kind] : [])) as [
    readonly string[],
    readonly string[],
  ];
  const idle = texts.filter((text) => ![...unit, ...lab].some((path) => path.includes(text)));
  if (idle.length > 0) {
    const what = kinds.length === 1 ? `${kinds[0]} test` : 'test';
    throw new SelectionError(`no ${what} has in its path: ${idle.join(', ')}`);
  }
  const isWanted = (path: string) =>
    texts.length === 0 || texts.some((text) => path.includes(text));
  return { unit: unit.filter(isWanted), lab: lab.filter(isWanted) };
}
