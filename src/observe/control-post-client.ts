/** Asks for something to be done through a control socket. */
import { type IncomingMessage, request } from 'node:http';
import { type ErrorCode, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { ControlFailure } from './control-post.js';

/** How to ask. */
export interface PostOptions {
  /** How long the answer may take; 0: as long as it likes. Default limits.controlMs. */
  readonly deadlineMs?: number;
  /** Ends it from here: what was told until then counts. */
  readonly signal?: AbortSignal;
}

/**
 * Asks a node through its control socket to do something, and reads what it answers, a line each.
 * @param path of the Unix socket
 * @param where the path of a URL
 * @param body what is asked for, as JSON
 * @throws NodeError with the code of the node's answer where that is an error; ERR_CONTROL: nobody
 *   answers there in time, or not as a node does.
 */
export async function* postControl(
  path: string,
  where: string,
  body: unknown,
  options: PostOptions = {},
): AsyncGenerator<unknown, void, undefined> {
  const { deadlineMs = limits.controlMs, signal } = options;
  const late = deadlineMs === 0 ? null : AbortSignal.timeout(deadlineMs);
  const signals = [late, signal].filter((each) => each instanceof AbortSignal);
  try {
    const response = await ask(path, where, body, AbortSignal.any(signals));
    yield* linesOf(response, where);
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    if (signal?.aborted === true) return;
    const why = late?.aborted === true ? `no answer within ${deadlineMs} ms` : String(cause);
    throw new NodeError('ERR_CONTROL', `${path}: ${why}`, { cause });
  }
}

function ask(
  path: string,
  where: string,
  body: unknown,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path, path: where, method: 'POST', signal }, resolve);
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}

async function* linesOf(response: IncomingMessage, where: string): AsyncGenerator<unknown> {
  const status = response.statusCode ?? 0;
  if (![200, 409, 500].includes(status)) {
    throw new NodeError('ERR_CONTROL', `answered ${status} to ${where}`);
  }
  let rest = '';
  response.setEncoding('utf8');
  for await (const piece of response as AsyncIterable<string>) {
    const lines = `${rest}${piece}`.split('\n');
    rest = lines.pop() as string;
    if (rest.length > limits.controlBytes) {
      throw new NodeError('ERR_CONTROL', `a line has more than ${limits.controlBytes} characters`);
    }
    for (const line of lines) yield readLine(line);
  }
  if (rest !== '') throw new NodeError('ERR_CONTROL', 'the answer ends within a line');
}

function readLine(line: string): unknown {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || !('error' in value)) return value;
  const { code, message } = (value as ControlFailure).error;
  throw new NodeError(code === '' ? 'ERR_CONTROL' : (code as ErrorCode), message);
}
