/**
 * What went over the links of a node, summed by peer over all links there were. Bounded: of peers
 * without a link the last limits.departedPeers are remembered by name, all earlier ones as one.
 */
import { limits } from '../limits.js';
import { type LinkTraffic, NO_TRAFFIC } from '../link/traffic.js';

/** The name under which peers are summed that are not told apart any more. No node can have it. */
export const OTHER_PEERS = 'others';

/** What went over the links with one node since this node began. */
export interface NodeTraffic extends LinkTraffic {
  /** Full name, or `others`: peers that went long ago. */
  readonly name: string;
  /** Whether there is a link now. */
  readonly linked: boolean;
}

/** A link that is up, as far as it is needed here. */
export interface CountedLink {
  readonly name: string;
  readonly link: { readonly traffic: LinkTraffic };
}

const FIELDS = Object.keys(NO_TRAFFIC) as (keyof LinkTraffic)[];

function add(a: LinkTraffic, b: LinkTraffic): LinkTraffic {
  const sum = Object.fromEntries(FIELDS.map((field) => [field, a[field] + b[field]]));
  return sum as unknown as LinkTraffic;
}

export class Traffic {
  readonly #live = new Map<string, CountedLink>();
  /** Of links that are over. Peers that have gone stand in the order in which they went. */
  readonly #sums = new Map<string, LinkTraffic>();
  #others: LinkTraffic | null = null;

  /** A link is up. */
  up(live: CountedLink): void {
    this.#live.set(live.name, live);
  }

  /** It is over; its counts stand still. */
  down({ name, link }: CountedLink): void {
    this.#live.delete(name);
    const sum = add(this.#sums.get(name) ?? NO_TRAFFIC, link.traffic);
    this.#sums.delete(name);
    this.#sums.set(name, sum);
    const departed = [...this.#sums.keys()].filter((known) => !this.#live.has(known));
    for (const oldest of departed.slice(0, -limits.departedPeers)) {
      this.#others = add(this.#others ?? NO_TRAFFIC, this.#sums.get(oldest) as LinkTraffic);
      this.#sums.delete(oldest);
    }
  }

  /** Everything, those with a link first. */
  get view(): readonly NodeTraffic[] {
    const live = [...this.#live].map(([name, { link }]) => ({
      name,
      linked: true,
      ...add(this.#sums.get(name) ?? NO_TRAFFIC, link.traffic),
    }));
    const departed = [...this.#sums]
      .filter(([name]) => !this.#live.has(name))
      .map(([name, sum]) => ({ name, linked: false, ...sum }));
    const others = this.#others;
    const rest = others === null ? [] : [{ name: OTHER_PEERS, linked: false, ...others }];
    return [...live, ...departed, ...rest];
  }
}
