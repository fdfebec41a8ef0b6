/** Numbers on the command line. */
import { InvalidArgumentError } from 'commander';

/** A whole number in bounds, as the parser of an option. */
export function wholeNumber(
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`not a whole number from ${least} to ${most}`);
  };
}
