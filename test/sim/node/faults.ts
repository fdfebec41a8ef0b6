/** What goes wrong in a world of nodes, and when. */
import { profiles } from '../../../src/timing/profiles.js';
import { Faults } from '../core/faults.js';
import { nameOf, type SimMember } from './member.js';
import type { NodeWorld } from './world.js';

const { stallMs, beatMs } = profiles.lan;

export class NodeFaults extends Faults<NodeWorld> {
  /** Pairs that left each other, to be joined again when the faults end. */
  readonly #parted = new Set<string>();

  /** Mends everything. What a stalled process owes it still has to catch up with. */
  protected override mend(): void {
    const world = this.world;
    world.change(() => world.network.healAll());
    for (const member of world.members) {
      if (member.isClosing || member.host >= world.knobs.nodes) world.kill(member, 'killed');
    }
    for (let host = 0; host < world.knobs.nodes; host++) world.start(host);
    for (const pair of this.#parted) {
      const [host, other] = pair.split(' ').map(Number) as [number, number];
      world.memberAt(host)?.connect(other);
    }
  }

  protected override one(): void {
    this.world.checker.isUntouched = false;
    const random = this.random;
    const member = random.pick(this.world.members);
    if (member === undefined || member.isClosing) return;
    const dice = random.unit();
    if (dice < 0.18) this.#cut(member.host, random.below(this.world.knobs.planes));
    else if (dice < 0.25) this.#isolate(member.host);
    else if (dice < 0.43) this.#part(member);
    else if (dice < 0.58) member.stall(random.exponential(random.pick([10, 100, 1500, 3000])));
    else if (dice < 0.7) this.#coincide(member);
    else if (dice < 0.74) this.#fail(member);
    else if (dice < 0.79) this.#kill(member, 'killed');
    else if (dice < 0.84) this.#kill(member, 'vanished');
    else if (dice < 0.91) this.#leave(member);
    else if (dice < 0.95) this.#close(member);
    else this.#impostor(member);
  }

  /** How long something stays broken. */
  #whileMs(): number {
    return this.random.exponential(this.random.pick([30, 400, 2500]));
  }

  #cut(host: number, plane: number, durationMs = this.#whileMs()): void {
    const { network, time } = this.world;
    this.world.change(() => network.cut(host, plane));
    time.after(durationMs, () => this.world.change(() => network.heal(host, plane)));
  }

  #isolate(host: number): void {
    const durationMs = this.#whileMs();
    for (let plane = 0; plane < this.world.knobs.planes; plane++) {
      this.#cut(host, plane, durationMs);
    }
  }

  /** Two do not reach each other, or one does not reach the other, while all others reach both. */
  #part(member: SimMember): void {
    const { network, time, knobs, members } = this.world;
    const random = this.random;
    const other = random.pick(members).host;
    if (other === member.host) return;
    const isOneWay = random.chance(0.3);
    const planes = random.chance(0.7) ? [...Array(knobs.planes).keys()] : [0];
    const each = (change: (from: number, to: number, plane: number) => void) => {
      for (const plane of planes) {
        change(member.host, other, plane);
        if (!isOneWay) change(other, member.host, plane);
      }
    };
    this.world.change(() => each((from, to, plane) => network.part(from, to, plane)));
    time.after(random.exponential(random.pick([400, 2500, 5000])), () => {
      this.world.change(() => each((from, to, plane) => network.join(from, to, plane)));
    });
  }

  /**
   * One is silent for nearly the stall time, and another's loop stands still just when it would
   * call it stalled: the sign of life waits in its socket.
   */
  #coincide(member: SimMember): void {
    const { time, checker, members } = this.world;
    const random = this.random;
    const judge = random.pick(members);
    const end = checker.current(judge, member.name);
    if (end === undefined || end.peerIncarnation !== member.incarnation) return;
    // The machine counts from the tick after the last frame, and ticks every half beat.
    const judgedMs = end.carrier.lastArrivalMs + stallMs + random.between(0, beatMs / 2);
    const blockedMs = random.pick([20, 40, 80, 400]);
    const fromMs = judgedMs - random.unit() * blockedMs - time.nowMs;
    member.stall(fromMs + random.unit() * blockedMs);
    time.after(fromMs, () => {
      if (!this.isOver && !judge.isGone) judge.stall(blockedMs);
    });
  }

  /** One association gives up after too many retransmissions. */
  #fail(member: SimMember): void {
    const associations = [...this.world.network.associations].filter(({ hosts }) =>
      hosts.includes(member.host),
    );
    if (associations.length === 0) return;
    const association = this.random.pick(associations);
    this.world.checker.disturbed(...association.hosts);
    association.fails(this.random.pick([0, 1] as const));
  }

  #kill(member: SimMember, how: 'killed' | 'vanished'): void {
    this.world.kill(member, how);
    this.#startLater(member.host);
  }

  #startLater(host: number): void {
    const { time, knobs } = this.world;
    if (host >= knobs.nodes) return;
    const delayMs = this.random.chance(0.3) ? 0 : this.random.exponential(1000);
    time.after(delayMs, () => {
      if (!this.isOver) this.world.start(host);
    });
  }

  /** A node leaves another, and comes back. */
  #leave(member: SimMember): void {
    const { time, knobs } = this.world;
    const other = this.random.below(knobs.nodes);
    if (other === member.host || member.host >= knobs.nodes) return;
    const pair = `${member.host} ${other}`;
    member.disconnect(nameOf(other), this.random.pick([0, 300, 3000]));
    if (!this.world.dials(member.host, other)) return;
    this.#parted.add(pair);
    time.after(this.random.exponential(1500), () => {
      if (this.isOver || !this.#parted.delete(pair)) return;
      this.world.memberAt(member.host)?.connect(other);
    });
  }

  #close(member: SimMember): void {
    const { time } = this.world;
    member.close(this.random.pick([0, 300, 3000]));
    time.after(this.random.pick([1, 100, 3500]), () => {
      if (!this.isOver && !member.isGone) this.#kill(member, 'killed');
    });
  }

  /** A process with the name of another, on a host of its own, for a while. */
  #impostor(member: SimMember): void {
    const world = this.world;
    const { knobs, time } = world;
    const host = knobs.nodes + this.random.below(world.spareHosts);
    if (world.memberAt(host) !== null || member.host >= knobs.nodes) return;
    const impostor = world.start(host, member.name);
    for (let other = 0; other < knobs.nodes; other++) {
      if (other !== member.host && this.random.chance(0.6)) impostor?.connect(other);
    }
    time.after(this.random.exponential(3000), () => {
      if (!this.isOver && impostor !== null && !impostor.isGone) world.kill(impostor, 'killed');
    });
  }
}
