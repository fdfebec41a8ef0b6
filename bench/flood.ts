/**
 * One end of a one-way flood over `backplane/sctp` with its default options, as a process of its
 * own. Takes the arguments of `raw/sctp_flood.c` and answers as that does, so that both are run by
 * the same hand:
 *
 *   flood.js receive --local A --port P [--size N] [--warmup-ms N] [--measure-ms N] [--user UID]
 *   flood.js send --local A --peer B --port P [--size N] [--user UID]
 *
 * Both ends also tell the warnings with a code that this process gave: the receiver with its
 * figures, the sender when the receiver has ended the association.
 */
import { parseArgs } from 'node:util';
import { type Association, connect, listen, sctpSupport } from '../src/sctp/index.js';

interface Settings {
  readonly role: string;
  readonly local: string;
  readonly peer: string;
  readonly port: number;
  readonly size: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly user: number;
}

const warnings: string[] = [];

function readSettings(): Settings {
  const option = { type: 'string' } as const;
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      local: option,
      peer: option,
      port: option,
      size: option,
      'warmup-ms': option,
      'measure-ms': option,
      user: option,
    },
  });
  return {
    role: positionals[0] ?? '',
    local: values.local ?? '',
    peer: values.peer ?? '',
    port: Number(values.port ?? 7100),
    size: Number(values.size ?? 64),
    warmupMs: Number(values['warmup-ms'] ?? 1000),
    measureMs: Number(values['measure-ms'] ?? 2000),
    user: Number(values.user ?? 0),
  };
}

/**
 * Becomes an ordinary user: leaving user 0 gives up every capability. The addon must be loaded
 * before.
 */
function becomeUser(user: number): void {
  const { available, error } = sctpSupport();
  if (!available) throw error;
  if (user === 0) return;
  process.setgroups!([]);
  process.setgid!(user);
  process.setuid!(user);
}

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function send({ local, peer, port, size }: Settings): Promise<void> {
  const association = connect({ addresses: [peer], port, localAddresses: [local] });
  await association.whenUp();
  const message = Buffer.alloc(size);
  const fill = () => {
    while (association.send(message));
  };
  association.on('drain', fill);
  association.on('close', () => tell({ warnings }));
  fill();
}

function receive({ local, port, warmupMs, measureMs }: Settings): void {
  const server = listen({ addresses: [local], port });
  server.once('association', (association) => {
    server.close();
    measure(association, warmupMs, measureMs);
  });
  tell({ ready: true });
}

function measure(association: Association, warmupMs: number, measureMs: number): void {
  let messages = 0;
  let startMs = 0;
  let startMessages = 0;
  association.on('message', () => {
    messages += 1;
  });
  association.once('lost', ({ error }) => {
    throw error;
  });
  association.once('message', () => {
    setTimeout(() => {
      startMs = performance.now();
      startMessages = messages;
      setTimeout(end, measureMs);
    }, warmupMs);
  });
  const end = () => {
    const elapsedMs = performance.now() - startMs;
    const counted = messages - startMessages;
    tell({ messages: counted, elapsedMs, perSecond: (counted / elapsedMs) * 1000, warnings });
    association.abort();
  };
}

const settings = readSettings();
process.on('warning', (warning) => {
  const { code } = warning as Error & { code?: string };
  if (code !== undefined) warnings.push(code);
});
becomeUser(settings.user);
if (settings.role === 'send') await send(settings);
else if (settings.role === 'receive') receive(settings);
else throw new Error('usage: flood.js send|receive --local A --port P ...');
