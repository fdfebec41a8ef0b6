/** What a command is given through its standard input. */

/** All of it, without what stands after the last word. */
export async function readStdin(): Promise<string> {
  process.stdin.setEncoding('utf8');
  let text = '';
  for await (const piece of process.stdin) text += piece;
  return text.trimEnd();
}
