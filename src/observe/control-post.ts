/** Requests to a control socket that may change something: JSON in, JSON lines out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BackplaneError, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { ControlPost } from './control.js';

/** An answer that is an error. */
export interface ControlFailure {
  readonly error: { readonly code: string; readonly message: string };
}

/** Answers one request; whatever goes wrong becomes part of the answer. */
export async function answerPost(
  post: ControlPost,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const body = await readJson(request);
    // From here on it takes as long as what was asked for.
    request.socket.setTimeout(0);
    const answer = post(body, gone.signal);
    if (isLines(answer)) await writeLines(response, answer, gone.signal);
    else writeHead(response, 200).end(line(await answer));
  } catch (error) {
    // Who has left is told nothing.
    if (gone.signal.aborted) return;
    const failure = failureOf(error);
    if (!response.headersSent) writeHead(response, failure.error.code === '' ? 500 : 409);
    response.end(line(failure));
  }
}

/** @throws (rejects) NodeError ERR_CONTROL: no JSON, or over limits.controlBytes. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > limits.controlBytes) {
      throw new NodeError('ERR_CONTROL', `a request has at most ${limits.controlBytes} bytes`);
    }
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (cause) {
    throw new NodeError('ERR_CONTROL', 'a request is JSON', { cause });
  }
}

async function writeLines(
  response: ServerResponse,
  lines: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  writeHead(response, 200).flushHeaders();
  for await (const value of lines) {
    if (signal.aborted) return;
    // A client that does not read is waited for; its socket bounds what it holds.
    if (!response.write(line(value))) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function writeHead(response: ServerResponse, status: number): ServerResponse {
  return response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
}

function isLines(answer: ReturnType<ControlPost>): answer is AsyncIterable<unknown> {
  return Symbol.asyncIterator in answer;
}

function failureOf(error: unknown): ControlFailure {
  const code = error instanceof BackplaneError ? error.code : '';
  return { error: { code, message: error instanceof Error ? error.message : String(error) } };
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
