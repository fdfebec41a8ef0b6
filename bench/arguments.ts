/** What every process of a benchmark is told, in the manner of `raw/sctp_flood.c`. */
import { parseArgs } from 'node:util';
import { sctpSupport } from '../src/sctp/index.js';

/** The arguments of one end. Times in milliseconds. */
export interface EndSettings {
  /** `send` or `receive`. */
  readonly role: string;
  readonly local: string;
  readonly peer: string;
  readonly port: number;
  /** Bytes of one message. */
  readonly size: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** User to become; 0 stays what it is. */
  readonly user: number;
  /** What the messages are: a fresh Buffer each, or an object of six fields each. */
  readonly body: 'buffer' | 'object';
  readonly security: 'sealed' | 'authenticated';
  /** `flood` in one direction, or `rtt`: one message at a time, and its answer. */
  readonly traffic: 'flood' | 'rtt';
  /** What carries it, where a program can do both. */
  readonly over: 'link' | 'net';
  /** Calls under way at once. */
  readonly inFlight: number;
}

/** Reads the command line. Only benchmarks start these programs, so nothing is checked. */
export function readSettings(): EndSettings {
  const option = { type: 'string' } as const;
  const names = ['local', 'peer', 'port', 'size', 'warmup-ms', 'measure-ms', 'user'];
  const more = ['body', 'security', 'traffic', 'over', 'in-flight'];
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: Object.fromEntries([...names, ...more].map((name) => [name, option])),
  });
  const text = (name: string, fallback: string) => (values[name] as string | undefined) ?? fallback;
  return {
    role: positionals[0] ?? '',
    local: text('local', ''),
    peer: text('peer', ''),
    port: Number(text('port', '7100')),
    size: Number(text('size', '64')),
    warmupMs: Number(text('warmup-ms', '1000')),
    measureMs: Number(text('measure-ms', '2000')),
    user: Number(text('user', '0')),
    body: text('body', 'buffer') as EndSettings['body'],
    security: text('security', 'sealed') as EndSettings['security'],
    traffic: text('traffic', 'flood') as EndSettings['traffic'],
    over: text('over', 'link') as EndSettings['over'],
    inFlight: Number(text('in-flight', '1')),
  };
}

/**
 * Becomes an ordinary user: leaving user 0 gives up every capability. The addon must be loaded
 * before.
 */
export function becomeUser(user: number): void {
  const { available, error } = sctpSupport();
  if (!available) throw error;
  if (user === 0) return;
  process.setgroups!([]);
  process.setgid!(user);
  process.setuid!(user);
}

/** One line for whoever started this process. */
export function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/**
 * Counts what arrives, and when the window that begins `warmupMs` after the first is over, tells
 * the rate and calls `over`.
 */
export class RateMeter {
  readonly #settings: Pick<EndSettings, 'warmupMs' | 'measureMs'>;
  readonly #over: (figures: { perSecond: number }) => void;
  #messages = 0;

  constructor(
    settings: Pick<EndSettings, 'warmupMs' | 'measureMs'>,
    over: (figures: { perSecond: number }) => void,
  ) {
    this.#settings = settings;
    this.#over = over;
  }

  count(): void {
    this.#messages += 1;
    if (this.#messages === 1) setTimeout(() => this.#measure(), this.#settings.warmupMs);
  }

  #measure(): void {
    const startMs = performance.now();
    const before = this.#messages;
    setTimeout(() => {
      const elapsedMs = performance.now() - startMs;
      this.#over({ perSecond: ((this.#messages - before) / elapsedMs) * 1000 });
    }, this.#settings.measureMs);
  }
}
