/**
 * Ends under attack: whatever the attacker holds, all it can do is say frames and listen. One world
 * has the handshake's machines alone, the other whole nodes on a network in memory.
 */
import { Handshake } from '../../src/link/handshake.js';
import { profiles } from '../../src/timing/profiles.js';
import { FrameType } from '../../src/wire/frame.js';
import { currentOffer, decodeHandshakeFrame, type Offer } from '../../src/wire/handshake-frames.js';
import { identity } from '../unit/link/pair.js';
import { addressesOf, Cluster, KEY, type Member, PORT, target } from '../unit/node/cluster.js';
import type { MemoryCarrier } from '../unit/node/memory-network.js';
import type { Dice } from './dice.js';

export type Role = 'dialler' | 'acceptor';

/** What all honest ends of both worlds hold. */
export const cluster = { key: KEY, label: 'backplane' } as const;

/** More than this version speaks of each, so that there is something to be talked out of. */
export const broadOffer: Offer = {
  ...currentOffer,
  versionMax: currentOffer.versionMax + 2,
  featuresSupported: 0b1111,
  securityMin: 1,
  securityMax: 2,
};

/** One end, in one attempt. */
export interface Victim {
  /** What this end is; the attacker plays the other role. */
  readonly role: Role;
  readonly name: string;
  /** Who it believes, or is to believe, the attacker to be. */
  readonly peerName: string;
  /** Every frame it sent, in order. */
  readonly said: readonly Buffer[];
  /** Whether it took the attacker for that peer. */
  readonly letIn: boolean;
  hear(frame: Buffer): Promise<void>;
  pass(durationMs: number): Promise<void>;
  /** The attacker goes; nothing of this attempt is left. */
  close(): Promise<void>;
}

/** Where victims are found. */
export interface World {
  readonly kind: 'machine' | 'node';
  /** An end in the given role; `self` means that both roles are those of one node. */
  open(role: Role, dice: Dice, self?: boolean): Promise<Victim>;
}

/** Steps of a handshake by the type of their frame; what is no frame of one is `other`. */
export type Step = 'hello' | 'challenge' | 'response' | 'welcome' | 'refuse' | 'other';

export function stepOf(frame: Buffer): Step {
  if (frame.length < 8 || frame.toString('latin1', 0, 3) !== 'BP\x01') return 'other';
  const steps = ['hello', 'challenge', 'response', 'welcome', 'refuse'] as const;
  return steps.find((step) => FrameType[step] === frame[3]) ?? 'other';
}

/** Why a victim ended the attempt: the code of its REFUSE, or `silent`. */
export function codeOf({ said }: Victim): string {
  const refusal = said.find((frame) => stepOf(frame) === 'refuse');
  if (refusal === undefined) return 'silent';
  const decoded = decodeHandshakeFrame(refusal);
  return 'code' in decoded ? decoded.code : 'silent';
}

/** The victim's HELLO or CHALLENGE, once it has sent it. */
export function introductionOf({ said }: Victim): Buffer | null {
  return said.find((frame) => ['hello', 'challenge'].includes(stepOf(frame))) ?? null;
}

/** Handshake machines, each in a new process, as it were. */
export const machines: World = {
  kind: 'machine',
  async open(role, dice, self = false) {
    const isDialler = role === 'dialler';
    const name = isDialler || self ? 'a@x' : 'b@y';
    const peerName = isDialler ? 'b@y' : 'a@x';
    const { key, label } = cluster;
    const handshake = new Handshake({
      role,
      local: identity(name, { keys: [key], label, offer: broadOffer }),
      nonce: dice.bytes(32),
      keySeed: dice.bytes(32),
      ...(isDialler ? { expectedName: peerName, linkNumber: 1 + dice.below(1000) } : {}),
    });
    return new MachineVictim(role, name, peerName, handshake);
  },
};

class MachineVictim implements Victim {
  readonly said: Buffer[] = [];
  letIn = false;
  readonly #handshake: Handshake;
  #nowMs = 0;

  constructor(
    readonly role: Role,
    readonly name: string,
    readonly peerName: string,
    handshake: Handshake,
  ) {
    this.#handshake = handshake;
    handshake.step(0, { type: 'up' });
    this.#take();
  }

  async hear(data: Buffer): Promise<void> {
    this.#handshake.step(this.#nowMs, { type: 'frame', data });
    this.#take();
  }

  async pass(durationMs: number): Promise<void> {
    this.#nowMs += durationMs;
    if (this.#nowMs >= this.#handshake.deadline()) {
      this.#handshake.step(this.#nowMs, { type: 'tick', pathActive: true });
    }
    this.#take();
  }

  async close(): Promise<void> {}

  #take(): void {
    for (let output = this.#handshake.poll(); output !== null; output = this.#handshake.poll()) {
      if (output.type === 'send') this.said.push(output.frame);
      if (output.type === 'up') this.letIn = true;
      if (output.type !== 'authenticated') continue;
      this.letIn = true;
      this.#handshake.step(this.#nowMs, { type: 'accept' });
    }
  }
}

/** Host of the attacker where a node dials it. */
const DIALLED_HOST = 66;
/** More than a frame's way there, what it leads to, and the answer's way back. */
const ROUND_TRIP_MS = 3;

/** Two nodes `a` and `b` of one cluster, with all that is around the machines. */
export class NodeWorld implements World {
  readonly kind = 'node';
  readonly #cluster: Cluster;
  readonly #a: Member;
  readonly #b: Member;
  #dialled: ((carrier: MemoryCarrier) => void) | null = null;

  private constructor(inside: Cluster, a: Member, b: Member) {
    this.#cluster = inside;
    this.#a = a;
    this.#b = b;
  }

  static async create(seed: number): Promise<NodeWorld> {
    const inside = new Cluster(seed);
    const a = await inside.start('a', 1, {}, broadOffer);
    const b = await inside.start('b', 2, {}, broadOffer);
    const world = new NodeWorld(inside, a, b);
    const options = { localAddresses: addressesOf(DIALLED_HOST), profile: profiles.lan };
    await inside.network.transport().listen(PORT, options, {
      onCarrier: (carrier) => world.#dialled?.(carrier as MemoryCarrier),
      onAcceptFailed: () => {},
    });
    return world;
  }

  async open(role: Role, dice: Dice, self = false): Promise<Victim> {
    const [a, b] = [this.#a, this.#b];
    if (role === 'dialler') return this.#openDialler(a, b.node.name);
    const member = self ? a : b;
    const from = { localAddresses: addressesOf(10 + dice.below(200)), profile: profiles.lan };
    const carrier = this.#cluster.network
      .transport()
      .dial(addressesOf(member.host), PORT, from) as MemoryCarrier;
    const victim = new NodeVictim('acceptor', member, a.node.name, this.#cluster);
    victim.attach(carrier);
    await this.#cluster.run(ROUND_TRIP_MS);
    return victim;
  }

  async #openDialler(member: Member, peerName: string): Promise<Victim> {
    const victim = new NodeVictim('dialler', member, peerName, this.#cluster);
    this.#dialled = (carrier) => {
      this.#dialled = null;
      victim.attach(carrier);
    };
    const { port } = target(member);
    member.node
      .connect({ name: peerName, addresses: addressesOf(DIALLED_HOST), port })
      .catch(() => {});
    await this.#cluster.run(ROUND_TRIP_MS);
    return victim;
  }
}

class NodeVictim implements Victim {
  readonly said: Buffer[] = [];
  readonly name: string;
  readonly #member: Member;
  readonly #cluster: Cluster;
  #carrier: MemoryCarrier | null = null;

  constructor(
    readonly role: Role,
    member: Member,
    readonly peerName: string,
    inside: Cluster,
  ) {
    this.name = member.node.name;
    this.#member = member;
    this.#cluster = inside;
    member.diary.length = 0;
  }

  /** An acceptor says WELCOME to nobody but its peer; a dialler has its link then. */
  get letIn(): boolean {
    const welcomed = this.said.some((frame) => stepOf(frame) === 'welcome');
    return welcomed || this.#member.diary.some(([event]) => event === 'nodeup');
  }

  attach(carrier: MemoryCarrier): void {
    this.#carrier = carrier;
    carrier.attach({
      onUp: () => {},
      onMessage: (_stream, data) => {
        this.said.push(Buffer.from(data));
        return false;
      },
      onPath: () => {},
      onEnd: () => {},
      onDrain: () => {},
      onUnsent: () => {},
    });
  }

  async hear(frame: Buffer): Promise<void> {
    if (this.#carrier?.ended === false) this.#carrier.send(0, frame);
    await this.#cluster.run(ROUND_TRIP_MS);
  }

  pass(durationMs: number): Promise<void> {
    return this.#cluster.run(durationMs);
  }

  async close(): Promise<void> {
    this.#carrier?.abort();
    await this.#cluster.run(ROUND_TRIP_MS);
    const { node } = this.#member;
    if (this.role === 'dialler') await this.#cluster.until(node.disconnect(this.peerName));
    this.#member.diary.length = 0;
  }
}
