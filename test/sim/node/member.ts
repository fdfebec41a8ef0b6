/** One simulated node: a whole ClusterNode in a process of its own, and the program above it. */
import type { ErrorCode } from '../../../src/errors.js';
import type { NodeEvents } from '../../../src/node/events.js';
import type { ClusterNode } from '../../../src/node/node.js';
import { startNodeIn } from '../../../src/node/start.js';
import type { Transport } from '../../../src/node/transport.js';
import { carrierReadBy } from '../../../src/testing/model/carrier.js';
import { addressOf, PORT } from '../../../src/testing/model/network.js';
import { VirtualProcess } from '../../../src/testing/virtual-process.js';
import { ProcessHealth } from './health.js';
import { Program } from './program.js';
import type { NodeWorld } from './world.js';

/** The name of the node that belongs to a host. */
export const nameOf = (host: number) => `n${host}@h${host}`;

/** A timer of Node.js is late by parts of a millisecond. */
const TIMER_SLACK_MS = 0.3;
const KEY = Buffer.alloc(32, 1);
const PREFIX_BITS = 24;

/** What may become of dials and arrivals between honest nodes. */
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

export class SimMember {
  readonly host: number;
  /** That of its host, or of another's whose name it has taken. */
  readonly name: string;
  /** Tells processes apart. */
  readonly key: string;
  readonly process: VirtualProcess;
  readonly health: ProcessHealth;
  readonly program: Program;
  /** Killed, or its host is off. */
  isGone = false;
  /** Asked to close: it takes part no more. */
  isClosing = false;
  /** `close` has resolved. */
  isClosed = false;
  /** Set a turn after its process has begun. */
  node: ClusterNode | null = null;
  readonly #world: NodeWorld;
  /** What it was asked to do before it had begun. */
  #early: ((node: ClusterNode) => void)[] = [];
  /** Peers it was told to keep a link with. */
  readonly #wanted = new Set<string>();
  /** Hosts it has begun to dial. */
  readonly #dialled = new Set<number>();

  constructor(world: NodeWorld, host: number, name: string, number: number) {
    const { time, trace, random, knobs, network } = world;
    this.#world = world;
    this.host = host;
    this.name = name;
    this.key = `${name} ${number}`;
    this.health = new ProcessHealth(time.nowMs);
    this.process = new VirtualProcess({
      name: `${name}/${number}`,
      time,
      trace,
      random: random.fork(`process ${host}`),
      hasOwnOrigin: true,
      timerSlackMs: TIMER_SLACK_MS,
      onCrash: (_, error) => world.crashed(name, error),
    });
    this.process.lateness = random.pick([0, 0, 0.01]);
    this.program = new Program(world, this);
    const planes = Array.from({ length: knobs.planes }, (_, plane) => addressOf(host, plane));
    this.process.turn(() => {
      startNodeIn(
        {
          runtime: this.process,
          transport: this.#watched(network.transport(host, this.process)),
          machine: {
            hostName: 'sim',
            addresses: planes.map((address) => ({ address, prefixBits: PREFIX_BITS })),
          },
          ...(world.aead === null ? {} : { aead: world.aead }),
        },
        { name, planes, key: KEY, label: 'sim', port: PORT, security: knobs.security },
      ).then(
        (node) => this.#started(node),
        (error) => world.crashed(name, error),
      );
    });
  }

  get incarnation(): string {
    return this.node?.incarnation ?? '';
  }

  #watched(transport: Transport): Transport {
    const dial: Transport['dial'] = (addresses, ...rest) => {
      const { knobs } = this.#world;
      for (let host = 0; host < knobs.nodes; host++) {
        if (addresses.includes(addressOf(host, 0))) this.#dialled.add(host);
      }
      return transport.dial(addresses, ...rest);
    };
    return { ...transport, dial };
  }

  /** Whether it may dial a peer of this name. */
  mayDial(name: string): boolean {
    return this.#wanted.has(name);
  }

  /** Whether it has begun to dial a peer of this name. */
  hasDialled(name: string): boolean {
    const other = this.#world.members.find((member) => member.name === name);
    return other !== undefined && this.#dialled.has(other.host);
  }

  /** Whether a peer of this name has begun to dial it. */
  isDialledBy(name: string): boolean {
    const other = this.#world.members.find((member) => member.name === name);
    return other?.hasDialled(this.name) === true;
  }

  /** Keeps a link to the node on a host from now on. */
  connect(host: number, name = nameOf(host)): void {
    const { planes } = this.#world.knobs;
    const addresses = Array.from({ length: planes }, (_, plane) => addressOf(host, plane));
    this.turn((node) => {
      this.#wanted.add(name);
      node.connect({ name, addresses, port: PORT }).then(
        () => this.#connected(name),
        (error: { code?: string }) => {
          if (error.code !== 'ERR_CLOSED') this.#world.crashed(this.name, error);
        },
      );
    });
  }

  /** Leaves a node, and dials it no more. */
  disconnect(name: string, deadlineMs: number): void {
    this.turn((node) => {
      const { checker, time } = this.#world;
      this.#wanted.delete(name);
      checker.leaves(this, name);
      const askedMs = time.nowMs;
      node.disconnect(name, { deadlineMs }).then(
        () => this.#mustBeInTime(`disconnect of ${name}`, askedMs, deadlineMs),
        (error) => this.#world.crashed(this.name, error),
      );
    });
  }

  /** Leaves all. */
  close(deadlineMs: number): void {
    this.isClosing = true;
    this.turn((node) => {
      const { checker, time } = this.#world;
      this.#wanted.clear();
      for (const { peerName } of checker.ends(this)) checker.leaves(this, peerName);
      const askedMs = time.nowMs;
      node.close({ deadlineMs }).then(
        () => {
          this.isClosed = true;
          this.#mustBeInTime('close', askedMs, deadlineMs);
          const [end] = checker.ends(this);
          if (end !== undefined) {
            checker.violated(`${this.name} is closed, and has a link to ${end.peerName}`);
          }
        },
        (error) => this.#world.crashed(this.name, error),
      );
    });
  }

  /** Has the node do something once its loop runs. */
  turn(callback: (node: ClusterNode) => void): void {
    this.process.readable(() => {
      if (this.node !== null) callback(this.node);
      else this.#early.push(callback);
    });
  }

  stall(durationMs: number): void {
    this.health.stalled(this.#world.time.nowMs, durationMs);
    this.process.stall(durationMs);
  }

  #started(node: ClusterNode): void {
    if (!this.process.isAlive) return;
    this.node = node;
    const { checker } = this.#world;
    checker.began(this);
    this.#listen(node);
    this.program.start(node);
    this.#world.started(this);
    for (const callback of this.#early.splice(0)) callback(node);
  }

  #listen(node: ClusterNode): void {
    const { checker, ledger } = this.#world;
    // Killed in the middle of a turn: whatever follows in it never happened.
    const on = <K extends keyof NodeEvents>(
      event: K,
      listener: (...args: NodeEvents[K]) => void,
    ): void => {
      const living = (...args: NodeEvents[K]) => {
        if (this.process.isAlive) listener(...args);
      };
      node.on(event, living as never);
    };
    on('nodeup', (event) => {
      const carrier = carrierReadBy(this.process);
      this.#note('nodeup', event.name, event.linkNumber);
      checker.up(this, event, carrier);
      this.program.up(event.name);
    });
    on('nodedown', (event) => {
      this.#note(`nodedown ${event.reason} ${event.error?.code ?? ''}`, event.name);
      const end = checker.current(this, event.name);
      checker.down(this, event);
      if (end !== undefined) ledger.ended(end);
    });
    on('stalled', ({ name }) => {
      this.#note('stalled', name);
      checker.stalled(this, name);
    });
    on('resumed', ({ name }) => {
      this.#note('resumed', name);
      checker.resumed(this, name);
    });
    on('path', ({ name, change }) => {
      this.#note(change, name);
      checker.pathChanged(this, name);
    });
    on('redundancy', ({ name, state, missing }) => {
      this.#note(`redundancy ${state}`, name, missing.length);
      checker.redundancy(this, name, state, missing.length);
    });
    on('dialFailed', ({ name, code }) => {
      this.#note(`dial failed ${code}`, name);
      this.#mayFail('a dial', code);
    });
    on('refused', ({ name, code }) => {
      this.#note(`refused ${code}`, name ?? '');
      this.#mayFail('an arrival', code);
    });
    on('handlerError', ({ error }) => this.program.handlerFailed(error));
  }

  /** It can have come up and gone again since. */
  #connected(name: string): void {
    if (!this.process.isAlive || this.program.met.has(name)) return;
    this.#world.checker.violated(`${this.name} is connected with ${name}, and no link was ever up`);
  }

  #mustBeInTime(what: string, askedMs: number, deadlineMs: number): void {
    if (!this.process.isAlive) return;
    const { time, checker } = this.#world;
    const tookMs = time.nowMs - askedMs;
    const blockedMs = this.health.stalledMs(askedMs, time.nowMs, 0);
    if (tookMs - blockedMs <= deadlineMs + 50) return;
    checker.violated(`${this.name}: ${what} took ${tookMs} ms, its deadline was ${deadlineMs} ms`);
  }

  /** All nodes are honest: nobody is ever found to break the protocol, or to be a stranger. */
  #mayFail(what: string, code: ErrorCode): void {
    if (HONEST.has(code)) return;
    this.#world.checker.violated(`${this.name}: ${what} failed with ${code}`);
  }

  #note(what: string, peer: string, detail = 0): void {
    const { trace, time } = this.#world;
    trace.note(time.nowMs, `${what} ${peer}`, this.process.name, detail);
  }
}
