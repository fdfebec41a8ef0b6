/** Peers by SRV records of the DNS (RFC 2782). */
import { isIP } from 'node:net';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { type DnsResolver, type SrvRecord, systemResolver } from '../runtime/dns.js';
import type { Timer } from '../runtime/index.js';
import { type DnsAnswer, DnsAnswers, type DnsTarget } from './dns-answers.js';
import { isFullName } from './names.js';
import type { PeerSource, PeerWatch, PeerWatcher } from './peer-source.js';

/** What to ask the DNS for, and how its answers become peers. */
export interface DnsPeersOptions {
  /**
   * One SRV name, `_backplane._sctp.example.com`: then each target has its addresses on all planes,
   * and the planes' subnets tell which is which. Or one for each plane, by the plane's name: then
   * each target has its address on that plane, and the targets of one node are told by its name.
   * Full names: no search domain is appended.
   */
  readonly name: string | Readonly<Record<string, string>>;
  /**
   * The nodes' name before the `@`; behind it stands the first label of the target. With `node`,
   * the target `host1.example.com` is the node `node@host1`. Default 'node'.
   */
  readonly node?: string;
  /**
   * The full name of the node at a target, in place of that; null for a target that is no peer.
   */
  readonly nameOf?: (target: string) => string | null;
  /**
   * Milliseconds between two rounds of questions; up to a quarter less, at random. At least
   * limits.dnsRefreshMinMs (1 s). Default limits.dnsRefreshMs (30 s).
   */
  readonly refreshMs?: number;
  /** Name servers to ask, `10.0.0.10` or `10.0.0.10:53`. Default: those of the system. */
  readonly servers?: readonly string[];
  /** Asks in place of Node's own resolver; then `servers` has no meaning. */
  readonly resolver?: DnsResolver;
}

interface Question {
  readonly plane: string | null;
  readonly name: string;
}

function bad(message: string): NodeError {
  return new NodeError('ERR_ARGUMENT', `dnsPeers: ${message}`);
}

function questionsOf(name: unknown): Question[] {
  if (typeof name === 'string' && name !== '') return [{ plane: null, name }];
  const entries = typeof name === 'object' && name !== null ? Object.entries(name) : [];
  if (entries.length === 0 || entries.length > limits.addresses) {
    throw bad('name must be an SRV name, or one for each plane');
  }
  return entries.map(([plane, each]: [string, unknown]) => {
    if (typeof each !== 'string' || each === '') throw bad(`the name for plane ${plane} is none`);
    return { plane, name: each };
  });
}

function checkRefreshMs(refreshMs: unknown): number {
  const { dnsRefreshMinMs, deadlineMaxMs } = limits;
  const isNumber = typeof refreshMs === 'number';
  if (isNumber && refreshMs >= dnsRefreshMinMs && refreshMs <= deadlineMaxMs) return refreshMs;
  throw bad(`refreshMs must be a number from ${dnsRefreshMinMs} to ${deadlineMaxMs}`);
}

function checkResolver(resolver: unknown): DnsResolver {
  const { srv, addresses } = (resolver ?? {}) as Partial<DnsResolver>;
  const isOne = typeof srv === 'function' && typeof addresses === 'function';
  if (isOne) return resolver as DnsResolver;
  throw bad('a resolver is { srv(name), addresses(host, family) }');
}

/** What a resolver of the program's own gives may be anything. @throws Error */
function checkRecords(records: unknown): readonly SrvRecord[] {
  const isRecord = (record: unknown) => {
    const { target, port } = (record ?? {}) as Partial<SrvRecord>;
    return typeof target === 'string' && Number.isInteger(port) && port! >= 0 && port! <= 65_535;
  };
  if (Array.isArray(records) && records.every(isRecord)) return records;
  throw new Error('the resolver gave no list of { target, port }');
}

/** @throws Error */
function checkAddresses(addresses: unknown): readonly string[] {
  const isAddress = (address: unknown) => typeof address === 'string' && isIP(address) !== 0;
  if (Array.isArray(addresses) && addresses.every(isAddress)) return addresses;
  throw new Error('the resolver gave no list of IP addresses');
}

function resolverOf({ resolver, servers }: DnsPeersOptions): DnsResolver {
  if (resolver !== undefined) return checkResolver(resolver);
  try {
    return systemResolver(servers);
  } catch (error) {
    throw bad(`servers: ${(error as Error).message}`);
  }
}

/** The first label of a target behind `node@`. */
const byFirstLabel = (node: string) => (target: string) => `${node}@${target.split('.', 1)[0]}`;

/**
 * Peers that the DNS names: the targets of one SRV name, or of one per plane. Priority and weight
 * have no meaning, since all of them are peers. It asks again and again; what cannot be looked up
 * stays as it was, `peersFailed` tells, and the next try comes sooner. A peer that is named no more
 * is not dialled again; its link stays. See docs/peers.md.
 * @throws NodeError ERR_ARGUMENT
 */
export function dnsPeers(options: DnsPeersOptions): PeerSource {
  const questions = questionsOf(options?.name);
  const refreshMs = checkRefreshMs(options.refreshMs ?? limits.dnsRefreshMs);
  const node = options.node ?? 'node';
  if (!isFullName(`${node}@host`)) throw bad(`${JSON.stringify(node)} is not a node's name`);
  const nameOf = options.nameOf ?? byFirstLabel(node);
  if (typeof nameOf !== 'function') throw bad('nameOf is a function');
  const resolver = resolverOf(options);
  return {
    name: `dns ${questions.map(({ name }) => name).join(' ')}`,
    onRemoval: 'keep',
    watch(watcher) {
      const watch = new DnsWatch(watcher, questions, refreshMs, nameOf, resolver);
      watch.begin();
      return watch;
    },
  };
}

/** Runs `work` over all items, at most `most` at the same time. */
async function eachOf<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const workers = Array.from({ length: Math.min(most, queue.length) }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  });
  await Promise.all(workers);
}

class DnsWatch implements PeerWatch {
  readonly #watcher: PeerWatcher;
  readonly #questions: readonly Question[];
  readonly #nameOf: (target: string) => string | null;
  readonly #resolver: DnsResolver;
  readonly #answers: DnsAnswers;
  #problems: string[] = [];
  #timer: Timer | null = null;
  #isOver = false;

  constructor(
    watcher: PeerWatcher,
    questions: readonly Question[],
    refreshMs: number,
    nameOf: (target: string) => string | null,
    resolver: DnsResolver,
  ) {
    this.#watcher = watcher;
    this.#questions = questions;
    this.#nameOf = nameOf;
    this.#resolver = resolver;
    this.#answers = new DnsAnswers(refreshMs);
  }

  /** @throws NodeError ERR_PEER_SOURCE: there is a name for a plane that the node is not on. */
  begin(): void {
    const planes = this.#watcher.planes.map(({ name }) => name);
    for (const { plane } of this.#questions) {
      if (plane === null || planes.includes(plane)) continue;
      throw new NodeError('ERR_PEER_SOURCE', `there is no plane ${plane} here, only ${planes}`);
    }
    void this.#round();
  }

  close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /** Asks for everything once, and sets the time of the next round. Never rejects. */
  async #round(): Promise<void> {
    this.#problems = [];
    const answers: DnsAnswer[] = [];
    for (const question of this.#questions) answers.push(await this.#ask(question));
    if (this.#isOver) return;
    this.#answers.step(answers, this.#problems);
    const { problems } = this.#answers;
    this.#watcher.onPeers(this.#answers.peers);
    if (problems.length > 0) {
      this.#watcher.onFailed(new NodeError('ERR_PEER_SOURCE', problems.join('; ')));
    }
    // What is told may have been answered with the end.
    if (this.#isOver) return;
    const { random, timers } = this.#watcher.runtime;
    const pauseMs = this.#answers.pauseMs(random.bytes(1)[0]! / 255);
    this.#timer = timers.after(pauseMs, () => void this.#round());
  }

  async #ask({ plane, name }: Question): Promise<DnsAnswer> {
    let records: readonly SrvRecord[];
    try {
      records = checkRecords(await this.#resolver.srv(name));
    } catch (error) {
      this.#problem(`SRV ${name}`, error);
      return { plane, targets: null };
    }
    // A single `.` says that there is decidedly no such service.
    const given = records.filter(({ target }) => target !== '' && target !== '.');
    if (given.length > limits.peers) {
      this.#problems.push(`SRV ${name}: ${given.length} targets, at most ${limits.peers}`);
      return { plane, targets: null };
    }
    const targets: DnsTarget[] = [];
    await eachOf(given, limits.dnsLookups, async (record) => {
      const target = await this.#lookUp(plane, record);
      if (target !== null) targets.push(target);
    });
    // Answers come in any order: of two targets for one node the same one has to count each time.
    targets.sort((a, b) => (a.name === b.name ? a.port - b.port : a.name < b.name ? -1 : 1));
    return { plane, targets };
  }

  /** Null for a target that is no peer. */
  async #lookUp(plane: string | null, { target, port }: SrvRecord): Promise<DnsTarget | null> {
    let name: string | null;
    try {
      name = this.#nameOf(target);
    } catch (error) {
      this.#problem(`the name for ${target}`, error);
      return null;
    }
    if (name === null) return null;
    if (port === 0) {
      this.#problems.push(`${target} has port 0`);
      return null;
    }
    if (!isFullName(name)) {
      this.#problems.push(`${target}: ${JSON.stringify(name)} is not a node's name`);
      return null;
    }
    try {
      const lists = this.#families(plane).map(async (family) =>
        checkAddresses(await this.#resolver.addresses(target, family)),
      );
      return { name, port, addresses: (await Promise.all(lists)).flat() };
    } catch (error) {
      this.#problem(`addresses of ${target}`, error);
      return { name, port, addresses: null };
    }
  }

  /** Of the plane; where none is told, of all planes. */
  #families(plane: string | null): (4 | 6)[] {
    const planes = this.#watcher.planes.filter(({ name }) => plane === null || name === plane);
    const families = planes.map(({ address }): 4 | 6 => (isIP(address) === 6 ? 6 : 4));
    return [...new Set(families)];
  }

  #problem(what: string, error: unknown): void {
    const why = error instanceof Error ? error.message : 'no Error was thrown';
    this.#problems.push(`${what}: ${why}`);
  }
}
