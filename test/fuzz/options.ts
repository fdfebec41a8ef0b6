/** Arguments of the commands. */
import { InvalidArgumentError } from 'commander';

/** A whole number, 1 or more. @throws InvalidArgumentError */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('not 1 or more');
  return value;
}
