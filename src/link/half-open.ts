/**
 * Bookkeeping of links whose peer is not authenticated yet: how many there may be, and which one
 * goes when there are too many.
 */
import { limits } from '../limits.js';

/** Bounds of a table; those of `limits` by default. */
export interface HalfOpenBounds {
  readonly total: number;
  readonly perAddress: number;
}

/**
 * Half-open links by the address they came from. `T` is whatever stands for one, compared by
 * identity.
 *
 * A flood from one address pushes out its own links only, as long as no other address has as many.
 */
export class HalfOpenTable<T> {
  readonly #bounds: HalfOpenBounds;
  /** Sets keep the order of insertion: the first is the oldest. */
  readonly #byAddress = new Map<string, Set<T>>();
  readonly #addresses = new Map<T, string>();

  constructor(
    bounds: HalfOpenBounds = {
      total: limits.halfOpenLinks,
      perAddress: limits.halfOpenLinksPerAddress,
    },
  ) {
    this.#bounds = bounds;
  }

  /** Half-open links in all. */
  get size(): number {
    return this.#addresses.size;
  }

  /**
   * Takes one in. When its address, or the table, is full, the oldest of the fullest address goes:
   * it is returned, already removed, and is to be aborted. Otherwise null.
   */
  add(address: string, link: T): T | null {
    let evicted: T | null = null;
    const same = this.#byAddress.get(address);
    if (same !== undefined && same.size >= this.#bounds.perAddress) evicted = this.#oldest(same);
    else if (this.size >= this.#bounds.total) evicted = this.#oldest(this.#fullest());
    if (evicted !== null) this.delete(evicted);
    const links = this.#byAddress.get(address) ?? new Set<T>();
    this.#byAddress.set(address, links.add(link));
    this.#addresses.set(link, address);
    return evicted;
  }

  /** Forgets one: authenticated, or over. False when it was not here. */
  delete(link: T): boolean {
    const address = this.#addresses.get(link);
    if (address === undefined) return false;
    this.#addresses.delete(link);
    const links = this.#byAddress.get(address);
    links?.delete(link);
    if (links?.size === 0) this.#byAddress.delete(address);
    return true;
  }

  /** Of two equally full ones, the address that has been here longer. */
  #fullest(): Set<T> {
    let fullest = new Set<T>();
    for (const links of this.#byAddress.values()) if (links.size > fullest.size) fullest = links;
    return fullest;
  }

  #oldest(links: Set<T>): T | null {
    for (const link of links) return link;
    return null;
  }
}
