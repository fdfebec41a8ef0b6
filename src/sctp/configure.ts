/**
 * Hands options to a socket and reads them back: what the kernel holds must be what was asked for,
 * by that option's own rule. A set of options that one new socket held as it was asked is not read
 * back from the next, but for the buffers, whose limits may change. Must be done before connect()
 * or listen(): values of the association are fixed when it forms, and accepted ones inherit those
 * of the listener.
 */
import { SctpError } from '../errors.js';
import type { NativeError, NativeOptions, NativeSocket } from './native.js';
import { type ResolvedOptions, resolveOptions, type TimerOptions } from './options.js';
import { isNativeError, nativeDetails } from './system-errors.js';

/** The longest tick of a kernel (100 a second): times are rounded up to whole ticks. */
const TICK_MAX_MS = 10;

/** Of the kernel's enumeration. */
const SCHEDULER_NUMBERS = { fcfs: 0, 'round-robin': 2 } as const;

/** Null when `held` is an acceptable answer to `asked`, otherwise the field that is not. */
type Rule<K extends keyof NativeOptions> = (
  asked: NativeOptions[K],
  held: NativeOptions[K],
) => string | null;

function timeHolds(askedMs: number, heldMs: number): boolean {
  return heldMs >= askedMs && heldMs <= askedMs + TICK_MAX_MS;
}

/** Every field the same, those named in `times` rounded up to a tick. */
function fields<T extends object>(times: readonly (keyof T)[], asked: T, held: T): string | null {
  for (const key of Object.keys(asked) as (keyof T & string)[]) {
    const [a, h] = [asked[key], held[key]];
    const holds = times.includes(key) ? timeHolds(Number(a), Number(h)) : a === h;
    if (!holds) return `${key} ${String(a)} was asked for, the kernel holds ${String(h)}`;
  }
  return null;
}

const same = (asked: unknown, held: unknown): string | null =>
  asked === held ? null : `${String(asked)} was asked for, the kernel holds ${String(held)}`;

const rules = {
  init: (asked, held) => fields([], asked, held),
  rto: (asked, held) => fields(['initialMs', 'minMs', 'maxMs'], asked, held),
  association: (asked, held) => fields(['cookieLifeMs'], asked, held),
  path: (asked, held) =>
    // With heartbeats off the kernel does not take the interval.
    asked.heartbeat
      ? fields<NativeOptions['path']>(['heartbeatIntervalMs'], asked, held)
      : (same(false, held.heartbeat) ?? same(asked.maxRetransmits, held.maxRetransmits)),
  pathThresholds: (asked, held) => fields([], asked, held),
  // Frequency 1 turns the delay off, and the kernel then shows no delay at all.
  sack: (asked, held) =>
    asked.frequency === 1
      ? same(1, held.frequency)
      : fields<NativeOptions['sack']>(['delayMs'], asked, held),
  exposePotentiallyFailed: same,
  noDelay: same,
  streamScheduler: same,
  reuseAddress: same,
  events: same,
  receiveInfo: same,
  udpEncapsulation: (asked, held) => same(asked.port, held.port),
} satisfies { [K in keyof NativeOptions]?: Rule<K> };

type RuledOption = keyof typeof rules;

function rejection(option: string, reason: string, cause?: NativeError): SctpError {
  const details = cause === undefined ? {} : nativeDetails(cause);
  return new SctpError('ERR_OPTION_REJECTED', `option ${option}: ${reason}`, details);
}

function attempt<T>(option: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!isNativeError(error)) throw error;
    throw rejection(option, error.message, error);
  }
}

/**
 * Sets one option.
 * @param shown The name the caller knows the option by.
 */
type Put = <K extends RuledOption>(
  socket: NativeSocket,
  name: K,
  asked: NativeOptions[K],
  shown: string,
) => void;

const put: Put = (socket, name, asked, shown) =>
  attempt(shown, () => socket.setOption(name, asked));

/** And compares what the kernel made of it. */
const putAndCheck: Put = (socket, name, asked, shown) => {
  put(socket, name, asked, shown);
  const held = attempt(shown, () => socket.getOption(name));
  const difference = (rules[name] as unknown as Rule<typeof name>)(asked, held);
  if (difference !== null) throw rejection(shown, difference);
};

/** Sets of options that new sockets held, each as JSON. No program has many. */
const proven = new Set<string>();
const PROVEN_MAX = 100;

let warned = false;

/** Has nothing warned of or proven in this process; tests use it. */
export function forgetAll(): void {
  warned = false;
  proven.clear();
}

function warnCapped(option: string, askedBytes: number, heldBytes: number): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    `${option} ${askedBytes} was asked for, the kernel grants ${Math.floor(heldBytes / 2)} ` +
      `without CAP_NET_ADMIN; raise its limit: sysctl -w net.core.rmem_max=${askedBytes} ` +
      `net.core.wmem_max=${askedBytes}`,
    { type: 'BackplaneWarning', code: 'BACKPLANE_BUFFERS_CAPPED' },
  );
}

/**
 * Sets one buffer: beyond the system's limit where we may, else as far as it goes, with one warning
 * per process. Returns what the kernel accounts. The kernel doubles what it is given, for its own
 * bookkeeping.
 */
function applyBuffer(
  socket: NativeSocket,
  name: 'sendBuffer' | 'receiveBuffer',
  bytes: number,
): number {
  const option = `${name}Bytes`;
  let forced = true;
  try {
    socket.setOption(`${name}Force`, bytes);
  } catch (error) {
    if (!isNativeError(error) || error.code !== 'EPERM') {
      throw isNativeError(error) ? rejection(option, error.message, error) : error;
    }
    forced = false;
    attempt(option, () => socket.setOption(name, bytes));
  }
  const held = attempt(option, () => socket.getOption(name));
  if (held < bytes * 2) {
    if (forced) throw rejection(option, `${bytes} was asked for, the kernel accounts ${held}`);
    warnCapped(option, bytes, held);
  }
  return held;
}

/** @param maxRetransmits Path.Max.Retrans. */
function applyPath(
  set: Put,
  socket: NativeSocket,
  { heartbeat }: ResolvedOptions,
  maxRetransmits: number,
): void {
  const { enabled, intervalMs } = heartbeat;
  set(
    socket,
    'path',
    { heartbeat: enabled, heartbeatIntervalMs: intervalMs, maxRetransmits },
    'heartbeat and pathMaxRetransmits',
  );
}

function applyTimers(set: Put, socket: NativeSocket, options: ResolvedOptions): void {
  const { pathMaxRetransmits } = options;
  set(socket, 'rto', options.rto, 'rto');
  set(socket, 'association', options.association, 'association');
  applyPath(set, socket, options, pathMaxRetransmits);
  set(
    socket,
    'pathThresholds',
    {
      maxRetransmits: pathMaxRetransmits,
      potentiallyFailed: options.pfThreshold,
      primarySwitchover: options.primarySwitchover,
    },
    'pfThreshold and primarySwitchover',
  );
  set(socket, 'sack', options.sack, 'sack');
}

/**
 * Sets what a living association can still be given; see `Association.retime`.
 * @param given The send buffer stays as it is where none is given.
 * @throws SctpError ERR_OPTION_REJECTED, naming the option the kernel refused or altered.
 */
export function reconfigureSocket(socket: NativeSocket, given: TimerOptions): void {
  const options = resolveOptions(given);
  const { sendBufferBytes } = given;
  if (sendBufferBytes !== undefined) applyBuffer(socket, 'sendBuffer', sendBufferBytes);
  const { association, pathMaxRetransmits } = options;
  // Of a living association Linux takes no Association.Max.Retrans above the sum of its paths'
  // limits, but lets these be lowered after it. A path's limit has 16 bits, as this one.
  const raised = Math.max(pathMaxRetransmits, association.maxRetransmits);
  applyPath(putAndCheck, socket, options, raised);
  applyTimers(putAndCheck, socket, options);
}

/**
 * Sets all options of an association to come.
 * @returns What the kernel accounts for the send buffer: no message may be longer.
 * @throws SctpError ERR_OPTION_REJECTED, naming the option the kernel refused or altered.
 */
export function configureSocket(socket: NativeSocket, options: ResolvedOptions): number {
  const { streams, init } = options;
  const key = JSON.stringify(options);
  const set = proven.has(key) ? put : putAndCheck;
  const sendBufferBytes = applyBuffer(socket, 'sendBuffer', options.sendBufferBytes);
  applyBuffer(socket, 'receiveBuffer', options.receiveBufferBytes);
  set(
    socket,
    'init',
    { outboundStreams: streams.outbound, inboundStreams: streams.inbound, ...init },
    'streams and init',
  );
  applyTimers(set, socket, options);
  set(socket, 'noDelay', options.noDelay, 'noDelay');
  const scheduler = SCHEDULER_NUMBERS[options.streamScheduler];
  set(socket, 'streamScheduler', scheduler, 'streamScheduler');
  // Without it the state potentially failed is never told (RFC 7829, section 7.1).
  set(socket, 'exposePotentiallyFailed', true, 'exposePotentiallyFailed');
  set(socket, 'events', true, 'events');
  set(socket, 'receiveInfo', true, 'receiveInfo');
  if (options.udpEncapsulationPort !== 0) {
    const port = options.udpEncapsulationPort;
    set(socket, 'udpEncapsulation', { port }, 'udpEncapsulationPort');
  }
  if (proven.size < PROVEN_MAX) proven.add(key);
  return sendBufferBytes;
}

/**
 * Lets what a server accepts share its port address by address, as its sockets do from the
 * beginning: without it the kernel takes a new address on one accepted association only. Two
 * servers still cannot listen at the same address and port.
 * @throws SctpError ERR_OPTION_REJECTED.
 */
export function shareAddresses(socket: NativeSocket): void {
  putAndCheck(socket, 'reuseAddress', true, 'reuseAddress');
}
