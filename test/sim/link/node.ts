/** One simulated node: the real links over a simulated network, and the program above them. */
import type { BackplaneError, ErrorCode } from '../../../src/errors.js';
import type { ReceivedMessage } from '../../../src/link/types.js';
import { Links } from '../../../src/node/links.js';
import type { LiveLink } from '../../../src/node/live-link.js';
import type { SimCarrier } from '../../../src/testing/model/carrier.js';
import { addressOf, PORT } from '../../../src/testing/model/network.js';
import { VirtualProcess } from '../../../src/testing/virtual-process.js';
import { profiles } from '../../../src/timing/profiles.js';
import type { Handled } from './program.js';
import { Program } from './program.js';
import type { LinkWorld } from './world.js';

export const nameOf = (host: number) => `n${host}@h${host}`;

const NEW_KEY = Buffer.alloc(32, 1);
const OLD_KEY = Buffer.alloc(32, 2);

/** A timer of Node.js is late by parts of a millisecond. */
const TIMER_SLACK_MS = 0.3;

/** What may become of links between honest nodes. */
const HONEST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_ASSOCIATION_LOST',
  'ERR_ASSOCIATION_RESTARTED',
  'ERR_CLOSED',
  'ERR_HANDSHAKE_LIMIT',
  'ERR_LINK_DOWN',
  'ERR_LINK_DUPLICATE',
  'ERR_NAME_TAKEN',
  'ERR_REFUSED',
  'ERR_TIMEOUT',
]);

export class SimNode {
  readonly host: number;
  readonly name: string;
  readonly process: VirtualProcess;
  readonly links: Links;
  readonly program: Program;
  /** Asked to close: it takes part no more. */
  isClosing = false;
  readonly #world: LinkWorld;

  constructor(world: LinkWorld, host: number) {
    const { time, trace, random, knobs, network } = world;
    this.#world = world;
    this.host = host;
    this.name = nameOf(host);
    const process = new VirtualProcess({
      name: this.name,
      time,
      trace,
      random: random.fork(`process ${host}`),
      hasOwnOrigin: true,
      timerSlackMs: TIMER_SLACK_MS,
      hasNoPromises: true,
      onCrash: (_, error) => world.crashed(this.name, error),
    });
    this.process = process;
    process.lateness = random.pick([0, 0, 0.01]);
    // In the middle of a rotation: all accept both keys, each uses the one or the other.
    const keys = random.chance(0.5) ? [NEW_KEY, OLD_KEY] : [OLD_KEY, NEW_KEY];
    this.program = new Program(world, this);
    this.links = new Links({
      local: {
        name: this.name,
        incarnation: process.random.bytes(8).readBigUInt64BE(),
        label: 'sim',
        keys,
        profile: profiles.lan,
        security: knobs.security,
      },
      planes: Array.from({ length: knobs.planes }, (_, plane) => planeOf(host, plane)),
      runtime: process,
      transport: network.transport(host, process),
      ...(world.aead === null ? {} : { aead: world.aead }),
      handlers: {
        onUp: (live) => this.#living(() => this.#up(live)),
        onDown: (live, { reason, error }) => this.#living(() => this.#down(live, reason, error)),
        onMessage: (live, message) => this.#living(() => this.#message(live, message)),
        onPath: () => {},
        onRedundancy: () => {},
        onStalled: (name) => this.#living(() => this.#stalled(name)),
        onResumed: (name) => this.#note('resumed', name),
        onDrain: (name) => this.program.drained(name),
        onDialFailed: ({ name, code }) => {
          this.#note(`dial failed ${code}`, name);
          this.#mayFail('a dial', code);
        },
        onRefused: (_, name, { code }) => {
          this.#note(`refused ${code}`, name ?? '');
          this.#mayFail('an arrival', code);
        },
      },
    });
    network.listen(host, process, (carrier) => this.links.accept(carrier));
  }

  /** Keeps a link to this host's node from now on. */
  connect(host: number): void {
    const { planes } = this.#world.knobs;
    const addresses = new Map<string, string | null>();
    for (let plane = 0; plane < planes; plane++) addresses.set(addressOf(host, plane), null);
    const target = { name: nameOf(host), addresses, port: PORT };
    this.#turn(() => this.links.connect(target).catch(() => {}));
  }

  /** Leaves this host's node, and dials it no more. */
  disconnect(host: number): void {
    this.#turn(() => this.links.disconnect(nameOf(host), 3000));
  }

  /** Leaves all. */
  close(): void {
    this.isClosing = true;
    this.#turn(() => this.links.close(3000));
  }

  #turn(callback: () => unknown): void {
    this.process.readable(() => void callback());
  }

  /** Killed in the middle of this very turn: whatever follows in it never happened. */
  #living<T>(told: () => T): T | undefined {
    return this.process.isAlive ? told() : undefined;
  }

  #up(live: LiveLink): void {
    this.#note('nodeup', live.name, (live.carrier as SimCarrier).association.id);
    this.#world.checker.up(this.name, live);
    this.program.up(live);
  }

  #down(live: LiveLink, reason: string, error: BackplaneError | null): void {
    // Those that the program would not have any more come as 'refused'.
    if (reason !== 'refused') this.#mayFail('a link', error?.code ?? null);
    this.#note(`nodedown ${reason}`, live.name, (live.carrier as SimCarrier).association.id);
    this.#world.checker.down(this.name, live, reason);
    this.program.down(live.name);
  }

  #message(live: LiveLink, message: ReceivedMessage): Handled {
    const record = this.#world.checker.record(live);
    if (record === undefined) {
      this.#world.checker.violated(`${this.name} handled a message of a link that is over`);
      return undefined;
    }
    return this.program.handle(record, message);
  }

  /** Nobody is called stalled of whom a message came within the stall time. */
  #stalled(name: string): void {
    this.#note('stalled', name);
    const record = this.#world.checker.current(this.name, name);
    if (record === undefined) return;
    const silentMs = this.#world.time.nowMs - record.carrier.lastArrivalMs;
    if (silentMs < profiles.lan.stallMs) {
      const what = `a message came ${silentMs.toFixed(1)} ms ago`;
      this.#world.checker.violated(`${this.name} calls ${name} stalled, ${what}`);
    }
  }

  /** All nodes are honest: nobody is ever found to break the protocol, or to be a stranger. */
  #mayFail(what: string, code: ErrorCode | null): void {
    if (code === null || HONEST.has(code)) return;
    this.#world.checker.violated(`${this.name}: ${what} failed with ${code}`);
  }

  #note(what: string, peer: string, detail = 0): void {
    const { trace, time } = this.#world;
    trace.note(time.nowMs, `${what} ${peer}`, this.name, detail);
  }
}

function planeOf(host: number, plane: number) {
  const prefix = `10.${plane + 1}.0.`;
  return {
    name: 'abc'[plane] as string,
    address: addressOf(host, plane),
    subnet: { prefixBits: 24, contains: (address: string) => address.startsWith(prefix) },
  };
}
