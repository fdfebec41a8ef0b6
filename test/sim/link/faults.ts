/** What goes wrong in a world, and when. */
import { Faults } from '../core/faults.js';
import type { SimNode } from './node.js';
import type { LinkWorld } from './world.js';

export class LinkFaults extends Faults<LinkWorld> {
  /** Mended when the faults end. */
  readonly #absent = new Set<number>();
  readonly #parted = new Set<string>();

  /** Mends everything. What a stalled process owes it still has to catch up with. */
  protected override mend(): void {
    const { network, nodes } = this.world;
    network.healAll();
    for (const [host, node] of nodes.entries()) {
      if (node?.isClosing === true) this.world.kill(node, 'killed');
      this.world.start(host);
    }
    for (const pair of this.#parted) {
      const [host, other] = pair.split(' ').map(Number) as [number, number];
      nodes[host]?.connect(other);
    }
  }

  /** Has a node begin again on this host, at once or some time from now. */
  startLater(host: number): void {
    const { time } = this.world;
    const delayMs = this.random.chance(0.3) ? 0 : this.random.exponential(800);
    this.#absent.add(host);
    time.after(delayMs, () => {
      if (this.isOver) return;
      this.#absent.delete(host);
      this.world.start(host);
    });
  }

  protected override one(): void {
    const random = this.random;
    const node = this.world.nodes[random.below(this.world.nodes.length)];
    if (node === null || node === undefined || node.isClosing) return;
    const dice = random.unit();
    if (dice < 0.3) this.#cut(node.host, random.below(this.world.knobs.planes));
    else if (dice < 0.4) this.#isolate(node.host);
    else if (dice < 0.65) node.process.stall(random.exponential(random.pick([10, 100, 1500])));
    else if (dice < 0.72) this.#fail(node);
    else if (dice < 0.8) this.#kill(node, 'killed');
    else if (dice < 0.87) this.#kill(node, 'vanished');
    else if (dice < 0.95) this.#part(node);
    else this.#close(node);
  }

  #cut(host: number, plane: number): void {
    const { network, time, trace } = this.world;
    trace.note(time.nowMs, 'cut', `h${host}`, plane);
    network.cut(host, plane);
    time.after(this.random.exponential(this.random.pick([30, 400, 2500])), () => {
      trace.note(time.nowMs, 'healed', `h${host}`, plane);
      network.heal(host, plane);
    });
  }

  #isolate(host: number): void {
    for (let plane = 0; plane < this.world.knobs.planes; plane++) this.#cut(host, plane);
  }

  /** One association gives up after too many retransmissions. */
  #fail(node: SimNode): void {
    const associations = [...this.world.network.associations].filter(({ hosts }) =>
      hosts.includes(node.host),
    );
    if (associations.length === 0) return;
    this.random.pick(associations).fails(this.random.pick([0, 1] as const));
  }

  #kill(node: SimNode, how: 'killed' | 'vanished'): void {
    this.world.kill(node, how);
    this.startLater(node.host);
  }

  /** A node leaves another, and comes back. */
  #part(node: SimNode): void {
    const { nodes, time } = this.world;
    const other = this.random.below(nodes.length);
    if (other === node.host) return;
    const pair = `${node.host} ${other}`;
    node.disconnect(other);
    if (!this.world.dials(node.host, other)) return;
    this.#parted.add(pair);
    time.after(this.random.exponential(500), () => {
      if (this.isOver || !this.#parted.delete(pair)) return;
      nodes[node.host]?.connect(other);
    });
  }

  #close(node: SimNode): void {
    const { time } = this.world;
    node.close();
    time.after(this.random.pick([1, 100, 3500]), () => {
      if (!this.isOver && node.process.isAlive) this.#kill(node, 'killed');
    });
  }
}
