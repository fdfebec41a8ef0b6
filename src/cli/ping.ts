/** `backplane ping`: pings one node and shows what its paths do meanwhile. */
import { type Command, InvalidArgumentError } from 'commander';
import { BackplaneError, NodeError } from '../errors.js';
import { type ClusterNode, type PeerOptions, startNode } from '../index.js';
import { limits } from '../limits.js';
import { fullName } from '../node/names.js';
import { systemRuntime, type Timer } from '../runtime/index.js';
import { hostName } from '../runtime/network.js';
import type { Config, ConfigPeer } from './config-file.js';
import { LiveText } from './live-text.js';
import { eventText, onEachEvent } from './node-events.js';
import { addNodeOptions, configOf, type NodeCommandOptions } from './node-options.js';
import { PingStatistics, type PingSummary } from './ping-statistics.js';
import { finish, table } from './report.js';
import { interrupted } from './signals.js';
import { wholeNumber } from './whole-number.js';

interface PingOptions extends NodeCommandOptions {
  readonly intervalMs: number;
  readonly count: number;
  readonly deadlineMs: number;
}

/** How often a screen that is no terminal gets a line. */
const LINE_EVERY_MS = 1000;

const { clock, timers } = systemRuntime;

/**
 * The peer that is meant: by its full name, or by its name without the host where only one has it.
 * @throws NodeError ERR_CONFIG: its addresses are not told, or two could be meant.
 */
export function findPeer(name: string, { peers }: Pick<Config, 'peers'>): ConfigPeer {
  const [found, ...more] = peers.filter(
    (peer) => peer.name === name || (!name.includes('@') && peer.name.startsWith(`${name}@`)),
  );
  if (found !== undefined && more.length === 0) return found;
  const known = peers.map((peer) => peer.name).join(', ') || 'none';
  throw new NodeError(
    'ERR_CONFIG',
    found === undefined
      ? `peers: ${name} is not among them (${known}); give it with --peer NAME=ADDRESS,ADDRESS`
      : `peers: ${name} may be any of ${[found, ...more].map((peer) => peer.name).join(', ')}`,
  );
}

const ms = (value: number | null): string => (value === null ? '-' : `${value.toFixed(2)} ms`);

function figures({ sent, lost, rttP50Ms, rttMaxMs, longestGapMs }: PingSummary): string {
  return (
    `sent ${sent}, lost ${lost}, RTT ${ms(rttP50Ms)} (longest ${ms(rttMaxMs)}), ` +
    `longest gap ${longestGapMs.toFixed(0)} ms`
  );
}

/** The paths of a link, in a table or in words. */
function pathLines(node: ClusterNode, name: string): string[] {
  const rows = node.paths(name).map(({ plane, address, state, primary, rttMs }) => [
    plane,
    address,
    state,
    primary ? '*' : '',
    // As text: the first number in a table loads the locale's rules, 100 ms in the midst of pings.
    String(rttMs),
  ]);
  const header = ['plane', 'address', 'state', 'primary', 'kernel RTT ms'];
  return rows.length === 0 ? ['no link'] : table(header, rows).trimEnd().split('\n');
}

function pathWords(node: ClusterNode, name: string): string {
  const words = node
    .paths(name)
    .map(
      ({ plane, address, state, primary }) =>
        `${plane} ${address} ${state}${primary ? ' primary' : ''}`,
    );
  return words.join(', ') || 'no link';
}

/** What a person sees while it runs, on standard error. */
class Screen {
  readonly #live: LiveText | null;
  #lineAtMs = 0;

  constructor() {
    this.#live = process.stderr.isTTY ? new LiveText(process.stderr) : null;
  }

  event(text: string): void {
    const line = `${new Date().toISOString()} ${text}`;
    if (this.#live === null) process.stderr.write(`${line}\n`);
    else this.#live.print(line);
  }

  draw(node: ClusterNode, name: string, summary: PingSummary): void {
    if (this.#live !== null) {
      this.#live.show([`${name}: ${figures(summary)}`, ...pathLines(node, name)]);
      return;
    }
    if (clock.nowMs() < this.#lineAtMs) return;
    this.#lineAtMs = clock.nowMs() + LINE_EVERY_MS;
    this.event(`${figures(summary)}; ${pathWords(node, name)}`);
  }
}

/** Links with the peer. @throws (rejects) NodeError ERR_TIMEOUT with the last attempt's error. */
async function link(node: ClusterNode, peer: PeerOptions, deadlineMs: number): Promise<void> {
  let last: BackplaneError | undefined;
  node.on('dialFailed', ({ error }) => {
    last = error;
  });
  let timer: Timer | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = timers.after(deadlineMs, () => {
      const why = last === undefined ? '' : `; the last attempt: ${last.code}: ${last.message}`;
      const message = `${peer.name}: no link within ${deadlineMs} ms${why}`;
      reject(new NodeError('ERR_TIMEOUT', message, { cause: last }));
    });
  });
  try {
    await Promise.race([node.connect(peer), deadline]);
  } finally {
    timer?.cancel();
  }
}

interface Series {
  readonly node: ClusterNode;
  readonly name: string;
  readonly options: PingOptions;
  readonly screen: Screen;
  readonly end: Promise<void>;
}

/** Pings until the count is reached and all are answered or lost, or until the end. */
async function pingSeries({ node, name, options, screen, end }: Series): Promise<PingSummary> {
  const { count, intervalMs } = options;
  const statistics = new PingStatistics();
  const draw = () => screen.draw(node, name, statistics.summary(clock.nowMs()));
  const open = new Set<Promise<void>>();
  const pingOnce = async () => {
    statistics.sent(clock.nowMs());
    try {
      const rttMs = await node.ping(name);
      statistics.answered(clock.nowMs(), rttMs);
    } catch (error) {
      // Lost is what has a code: no link, no answer in time. Anything else is a fault of ours.
      if (!(error instanceof BackplaneError)) throw error;
      statistics.lost();
    }
    draw();
  };
  let timer: Timer | undefined;
  const all = new Promise<void>((resolve, reject) => {
    let sent = 0;
    const startedMs = clock.nowMs();
    const next = () => {
      const ping: Promise<void> = pingOnce().finally(() => open.delete(ping));
      open.add(ping);
      ping.catch(reject);
      draw();
      sent += 1;
      if (sent === count) {
        resolve();
        return;
      }
      timer = timers.after(startedMs + sent * intervalMs - clock.nowMs(), next);
    };
    next();
  });
  await Promise.race([all.then(() => Promise.all(open)), end]);
  timer?.cancel();
  return statistics.summary(clock.nowMs());
}

function violationsOf({ sent, received, lost }: PingSummary): string[] {
  if (received === 0) return ['no ping was answered'];
  return lost === 0 ? [] : [`${lost} of ${sent} pings had no answer`];
}

async function ping(target: string, options: PingOptions): Promise<void> {
  const { peers, control: _, ...config } = await configOf(options);
  const peer = findPeer(target, { peers });
  const ownName = fullName(`ping-${process.pid}`, hostName());
  const node = await startNode({ ...config, name: ownName, port: 0 });
  try {
    const end = interrupted();
    const screen = new Screen();
    onEachEvent(node, (event, fields) => screen.event(eventText(event, fields)));
    await Promise.race([link(node, peer, options.deadlineMs), end]);
    const summary = await pingSeries({ node, name: peer.name, options, screen, end });
    node.removeAllListeners();
    const text = `${figures(summary)}\n${pathLines(node, peer.name).join('\n')}\n`;
    const violations = violationsOf(summary);
    const paths = node.paths(peer.name);
    finish(
      { command: 'ping', violations, ...summary, paths },
      { json: options.json === true, text },
    );
  } finally {
    await node.close();
  }
}

/** Adds the command to the program. */
export function addPing(program: Command): void {
  const command = program
    .command('ping')
    .description('ping a node, and show its paths, round trips and gaps')
    .argument('<name>', 'the node: name@host, or the name alone where one peer has it', (text) => {
      if (text.length <= limits.nodeNameBytes) return text;
      throw new InvalidArgumentError('too long');
    })
    .option('--interval-ms <ms>', 'from ping to ping', wholeNumber(1, limits.deadlineMaxMs), 200)
    .option('--count <number>', 'how many; 0: until interrupted', wholeNumber(0, 1e9), 0)
    .option('--deadline-ms <ms>', 'for the link', wholeNumber(1, limits.deadlineMaxMs), 10_000);
  addNodeOptions(command).action(ping);
}
