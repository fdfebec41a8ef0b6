/** The other end of a control socket. */
import { get } from 'node:http';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';

interface Reply {
  readonly status: number;
  readonly text: string;
}

function request(path: string, question: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(limits.controlMs);
    const fail = (error: Error) => {
      const late = `no answer within ${limits.controlMs} ms`;
      reject(signal.aborted ? new Error(late, { cause: error }) : error);
    };
    const asked = get({ socketPath: path, path: question, signal }, (response) => {
      let bytes = 0;
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        pieces.push(piece);
        if (bytes <= limits.controlBytes) return;
        response.destroy(new Error(`the answer has more than ${limits.controlBytes} bytes`));
      });
      response.on('error', fail);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    asked.on('error', fail);
  });
}

/** Whether a living process listens there, whatever it says. */
export async function isAnswered(path: string): Promise<boolean> {
  try {
    await request(path, '/health');
    return true;
  } catch (error) {
    // Nobody has the socket any more. Any other error comes from somebody who has.
    return !['ECONNREFUSED', 'ENOENT'].includes(`${(error as { code?: unknown }).code}`);
  }
}

/**
 * Asks a node through its control socket.
 * @param path of the Unix socket
 * @param question the path of a URL: '/nodes', '/paths', '/paths?name=...', '/alarms', '/health'
 * @returns What it answers, as its JSON.
 * @throws (rejects) NodeError ERR_CONTROL: nobody answers there within limits.controlMs, or not as
 *   a node does.
 */
export async function askControl(path: string, question: string): Promise<unknown> {
  const refuse = (why: string, cause?: unknown) =>
    new NodeError('ERR_CONTROL', `${path}: ${why}`, cause === undefined ? {} : { cause });
  let reply: Reply;
  try {
    reply = await request(path, question);
  } catch (cause) {
    throw refuse((cause as Error).message, cause);
  }
  const { status, text } = reply;
  // A node that is not ready still says how it is.
  if (status !== 200 && status !== 503) throw refuse(`answered ${status} to ${question}`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse(`no JSON came for ${question}`, cause);
  }
}
