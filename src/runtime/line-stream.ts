/** Lines of text over Unix sockets, with processes of this host. */
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';

export type { Duplex };

/** What is told of a stream. */
export interface LineEvents {
  /** One line, without its end. */
  line(text: string): void;
  /** It is over, and nothing more is told. */
  closed(): void;
}

/** One such stream. */
export class LineStream {
  readonly #stream: Duplex;
  #text = '';

  /** @param lineBytes a longer line ends the stream. */
  constructor(stream: Duplex, lineBytes: number, events: LineEvents) {
    this.#stream = stream;
    stream.setEncoding('utf8');
    stream.on('data', (piece: string) => {
      const lines = (this.#text + piece).split('\n');
      this.#text = lines.pop() ?? '';
      for (const line of lines) events.line(line);
      if (this.#text.length > lineBytes) stream.destroy();
    });
    // Why it failed tells no more than that it is over.
    stream.on('error', () => {});
    stream.on('end', () => stream.destroy());
    stream.once('close', () => events.closed());
  }

  /** Writes a line, if anybody is there. */
  write(text: string): void {
    if (this.#stream.writable) this.#stream.write(`${text}\n`);
  }

  close(): void {
    this.#stream.destroy();
  }
}

/**
 * Connects with whoever listens at a path. Rejects with Node's own errors, `ECONNREFUSED` and
 * `ENOENT` where nobody does.
 * @param isRef whether the stream keeps this process alive.
 */
export async function connectLines(
  path: string,
  lineBytes: number,
  events: LineEvents,
  isRef = true,
): Promise<LineStream> {
  const socket = createConnection({ path });
  if (!isRef) socket.unref();
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return new LineStream(socket, lineBytes, events);
}
