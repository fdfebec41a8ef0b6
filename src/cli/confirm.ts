/** Saying what will be done before it is done. */
import { createInterface } from 'node:readline/promises';
import { NodeError } from '../errors.js';

/** What commander makes of `--yes`. */
export interface ConfirmOptions {
  readonly yes?: boolean;
}

/**
 * Tells a person what will be done, and asks whether it shall be.
 * @throws (rejects) NodeError ERR_CANCELLED: it shall not, or there is nobody to ask.
 */
export async function confirm(
  lines: readonly string[],
  { yes }: ConfirmOptions,
  { stdin, stderr }: Pick<NodeJS.Process, 'stdin' | 'stderr'> = process,
): Promise<void> {
  stderr.write(lines.map((line) => `${line}\n`).join(''));
  if (yes === true) return;
  if (!stdin.isTTY) throw cancelled('nobody can be asked: --yes says that it shall be done');
  const questions = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await questions.question('Shall it be done? (yes/no) ');
    if (!/^y(es)?$/i.test(answer.trim())) throw cancelled('it was not wanted');
  } finally {
    questions.close();
  }
}

function cancelled(why: string): NodeError {
  return new NodeError('ERR_CANCELLED', `nothing was done: ${why}`);
}
