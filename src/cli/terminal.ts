/** What the terminal is like that a text is printed to. */
import type { Fit } from './fit-table.js';

/** Where nobody says how wide it is. */
const COLUMNS = 80;

/** What of standard output is looked at. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Colours are for terminals, and not for those who do not want them (https://no-color.org). */
export function fitOf(output: Output, env: NodeJS.ProcessEnv = process.env): Fit {
  const isTerminal = output.isTTY === true;
  const told = Number(env['COLUMNS']);
  // A terminal that does not know its width says 0.
  const columns = (isTerminal && output.columns) || (told > 0 ? told : COLUMNS);
  const wantsNone = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return { columns, hasColours: isTerminal && !wantsNone };
}
