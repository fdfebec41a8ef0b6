/**
 * A weaker bus than SCTP, between single machines: it drops, duplicates, reorders, alters and
 * replays, also between streams, directions and sessions. Whatever it does, nothing is let in twice
 * or out of rule.
 */
import { ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { Handshake, type HandshakeInput, type Session } from '../../../src/link/handshake.js';
import { type Direction, Opener, Sealer } from '../../../src/link/sealing.js';
import type { LocalIdentity } from '../../../src/link/types.js';
import { aes256Gcm } from '../../../src/runtime/crypto.js';
import { profiles } from '../../../src/timing/profiles.js';
import { BUNDLE_HEADER_BYTES } from '../../../src/wire/bundle.js';
import { FrameType } from '../../../src/wire/frame.js';
import type { SeededRandom } from '../../random.js';
import type { LinkWorld } from './world.js';

const HANDSHAKES = 4;
const BUNDLES = 120;
const RELIABLE_STREAMS = 8;
/** Frames that only a holder of the key can make. */
const PROOFS: ReadonlySet<number> = new Set([FrameType.response, FrameType.welcome]);
/** Room behind the records for any tag. */
const TAG_ROOM_BYTES = 64;

/** Takes messages in and gives them out, or not, or twice, or later, or altered. */
class Bus<T> {
  readonly #random: SeededRandom;
  readonly #held: T[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  put(item: T): void {
    const dice = this.#random.unit();
    if (dice < 0.03) return;
    this.#held.push(item);
    if (dice > 0.95) this.#held.push(item);
  }

  /** Mostly the oldest. */
  take(): T | undefined {
    const index = this.#random.chance(0.85) ? 0 : this.#random.below(this.#held.length);
    return this.#held.splice(index, 1)[0];
  }
}

/** The same bytes, or with one bit turned. */
function perhapsAltered(
  random: SeededRandom,
  data: Buffer,
  probability = 0.04,
): { data: Buffer; isAltered: boolean } {
  if (!random.chance(probability)) return { data, isAltered: false };
  const altered = Buffer.from(data);
  const at = random.below(altered.length);
  altered[at] = (altered[at] as number) ^ (1 << random.below(8));
  return { data: altered, isAltered: true };
}

/** One end of a handshake on the bus. */
interface Party {
  readonly machine: Handshake;
  readonly name: string;
  session: Session | null;
  ups: number;
}

/** A sealed bundle, and what an honest receiver must know of it. */
interface Sealed {
  readonly frame: Buffer;
  readonly lane: number;
  readonly direction: Direction;
  readonly sequence: number;
  readonly generation: number;
}

export class WeakBus {
  readonly #world: LinkWorld;
  readonly #random: SeededRandom;
  /** Frames of all handshakes so far. */
  readonly #overheard: Buffer[] = [];
  #nowMs = 1000;

  constructor(world: LinkWorld) {
    this.#world = world;
    this.#random = world.random.fork('bus');
  }

  run(): void {
    const sessions: Session[] = [];
    for (let i = 0; i < HANDSHAKES; i++) {
      const session = this.#handshake(i);
      if (session !== null) sessions.push(session);
    }
    // A reliable stream lets nothing in after the first gap: many short lives, not a long one.
    for (let i = 0; i < RELIABLE_STREAMS; i++) this.#sealing(false, BUNDLES / RELIABLE_STREAMS);
    this.#sealing(true, BUNDLES);
  }

  #event(kind: string, where: string, a = 0, b = 0): void {
    this.#world.trace.event(this.#nowMs, kind, where, a, b);
  }

  // --- handshake

  #party(role: Direction, number: number): Party {
    const random = this.#random;
    const name = role === 'dialler' ? 'd@bus' : 'a@bus';
    const local: LocalIdentity = {
      name,
      incarnation: random.bytes(8).readBigUInt64BE(),
      label: 'sim',
      keys: [Buffer.alloc(32, 9)],
      profile: profiles.lan,
    };
    const secrets = { nonce: random.bytes(32), keySeed: random.bytes(32) };
    const dials = role === 'dialler' ? { expectedName: 'a@bus', linkNumber: number + 1 } : {};
    const machine = new Handshake({ role, local, ...secrets, ...dials });
    return { machine, name, session: null, ups: 0 };
  }

  /** One handshake; the session when both ends came to one. */
  #handshake(number: number): Session | null {
    const random = this.#random;
    const parties = [this.#party('dialler', number), this.#party('acceptor', number)] as const;
    const bus = new Bus<{ readonly to: 0 | 1; readonly data: Buffer }>(random);
    for (const side of [1, 0] as const) this.#step(parties, side, { type: 'up' }, bus);
    for (let rounds = 0; rounds < 40; rounds++) {
      const item = bus.isEmpty ? undefined : bus.take();
      if (item !== undefined) {
        this.#nowMs += random.between(0, 30);
        const isProof = PROOFS.has(item.data[3] as number);
        const { data, isAltered } = perhapsAltered(random, item.data, isProof ? 0.3 : 0.04);
        this.#event('frame', 'bus', item.to, data.length);
        const before = parties[item.to].session;
        this.#step(parties, item.to, { type: 'frame', data }, bus);
        if (isAltered && parties[item.to].session !== before) {
          this.#world.checker.violated('handshake: a frame that was altered proved something');
        }
      }
      const old = random.chance(0.05) ? random.pick(this.#overheard) : undefined;
      if (old !== undefined) bus.put({ to: random.pick([0, 1] as const), data: old });
    }
    this.#nowMs += 10_000;
    for (const side of [0, 1] as const)
      this.#step(parties, side, { type: 'tick', pathActive: false }, bus);
    return this.#judgeHandshake(parties);
  }

  #step(
    parties: readonly [Party, Party],
    side: 0 | 1,
    input: HandshakeInput,
    bus: Bus<{ readonly to: 0 | 1; readonly data: Buffer }>,
  ): void {
    const party = parties[side];
    party.machine.step(this.#nowMs, input);
    for (let output = party.machine.poll(); output !== null; output = party.machine.poll()) {
      if (output.type === 'send') {
        this.#overheard.push(output.frame);
        bus.put({ to: side === 0 ? 1 : 0, data: output.frame });
      } else if (output.type === 'authenticated') {
        party.session = output.session;
        party.machine.step(this.#nowMs, { type: 'accept' });
      } else if (output.type === 'up') {
        party.session ??= output.session;
        party.ups++;
        // The dialler's first frame, which tells the acceptor that it is up.
        if (side === 0) bus.put({ to: 1, data: this.#anyBundle(output.session) });
      }
    }
  }

  #anyBundle(session: Session): Buffer {
    const sealer = new Sealer({ ...session, aead: this.#aead }, 'dialler', 0, false);
    const frame = Buffer.alloc(BUNDLE_HEADER_BYTES + TAG_ROOM_BYTES);
    return sealer.seal(frame, BUNDLE_HEADER_BYTES);
  }

  get #aead() {
    return this.#world.aead ?? aes256Gcm;
  }

  #judgeHandshake([dialler, acceptor]: readonly [Party, Party]): Session | null {
    const { checker } = this.#world;
    for (const { name, ups } of [dialler, acceptor]) {
      if (ups > 1) checker.violated(`handshake: ${name} was up ${ups} times`);
    }
    if (acceptor.session === null) {
      if (dialler.ups > 0) checker.violated('handshake: the dialler is up, with nobody');
      return null;
    }
    const { peer, secret, linkNumber } = acceptor.session;
    if (peer.name !== dialler.name) checker.violated(`handshake: accepted ${peer.name}`);
    if (dialler.ups === 0 || dialler.session === null) return null;
    const same =
      dialler.session.secret.equals(secret) &&
      dialler.session.linkNumber === linkNumber &&
      dialler.session.peer.name === acceptor.name;
    if (!same) checker.violated('handshake: both ends are up and do not agree');
    return acceptor.session;
  }

  // --- sealing

  #sealing(loose: boolean, bundles: number): void {
    const random = this.#random;
    const session = { secret: random.bytes(32), transcriptHash: random.bytes(32) };
    const setup = { ...session, aead: this.#aead };
    // Two streams of each direction; only the first is listened to.
    const lanes = [2, 3].flatMap((stream) =>
      (['dialler', 'acceptor'] as const).map((direction) => ({ stream, direction })),
    );
    const sealers = lanes.map(
      ({ stream, direction }) => new Sealer(setup, direction, stream, loose),
    );
    const opener = new Opener(setup, 'dialler', 2, loose);
    const model = new OpenerModel(loose);
    const bus = new Bus<Sealed>(random);
    for (let i = 0; i < bundles || !bus.isEmpty; i++) {
      for (let burst = random.below(4); i < bundles && burst > 0; burst--) {
        const lane = random.chance(0.9) ? 0 : random.below(lanes.length);
        bus.put(this.#seal(sealers[lane] as Sealer, lane, lanes[lane]?.direction ?? 'dialler'));
      }
      const item = bus.isEmpty ? undefined : bus.take();
      if (item === undefined) continue;
      if (random.chance(0.05)) bus.put(item);
      this.#deliver(opener, model, item);
    }
  }

  #seal(sealer: Sealer, lane: number, direction: Direction): Sealed {
    if (this.#random.chance(0.02)) sealer.rekey();
    const { sequence } = sealer;
    const bytes = this.#random.whole(4, 40);
    const end = BUNDLE_HEADER_BYTES + bytes;
    const frame = Buffer.alloc(end + TAG_ROOM_BYTES);
    frame.fill(this.#random.below(256), BUNDLE_HEADER_BYTES, end);
    const sealed = sealer.seal(frame, end);
    return { frame: sealed, lane, direction, sequence, generation: sealed.readUInt32BE(8) };
  }

  #deliver(opener: Opener, model: OpenerModel, item: Sealed): void {
    const { data, isAltered } = perhapsAltered(this.#random, item.frame);
    this.#event('bundle', 'bus', item.lane, item.sequence);
    const isGenuine = item.lane === 0 && !isAltered;
    const verdict = isGenuine ? model.judge(item) : 'refuse';
    let accepted = true;
    try {
      opener.open(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      accepted = false;
    }
    if (accepted !== (verdict === 'accept')) {
      const what = accepted ? 'was let in' : 'was refused';
      const kind = isGenuine ? 'genuine' : 'false';
      this.#world.checker.violated(`sealing: a ${kind} bundle ${item.sequence} ${what}`);
    }
    if (accepted) model.add(item);
  }
}

/** What a receiver must let in, written down again, in the plainest way. */
class OpenerModel {
  readonly #loose: boolean;
  readonly #seen = new Set<number>();
  #generation = 0;
  #highest = -1;

  constructor(loose: boolean) {
    this.#loose = loose;
  }

  judge({ sequence, generation }: Sealed): 'accept' | 'refuse' {
    const step = generation - this.#generation;
    if (step > 1 || step < (this.#loose ? -1 : 0)) return 'refuse';
    if (!this.#loose) return sequence === this.#highest + 1 ? 'accept' : 'refuse';
    const isTooOld = sequence <= this.#highest - limits.replayWindow;
    return isTooOld || this.#seen.has(sequence) ? 'refuse' : 'accept';
  }

  add({ sequence, generation }: Sealed): void {
    this.#seen.add(sequence);
    this.#highest = Math.max(this.#highest, sequence);
    this.#generation = Math.max(this.#generation, generation);
  }
}
