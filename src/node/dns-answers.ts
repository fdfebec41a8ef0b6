/**
 * From answers of the DNS to peers: a pure machine. What could not be looked up this time stays as
 * it was the last time, name by name and plane by plane: a name server that fails takes no peer
 * away.
 */
import { limits } from '../limits.js';
import type { PeerOptions } from './options.js';

/** One target of an SRV name, looked up. */
export interface DnsTarget {
  /** Of the node at that target. */
  readonly name: string;
  readonly port: number;
  /** Null when they could not be looked up. */
  readonly addresses: readonly string[] | null;
}

/** All targets of one SRV name. */
export interface DnsAnswer {
  /** The plane they are on; null: on any of ours, and their addresses tell. */
  readonly plane: string | null;
  /** Null when they could not be looked up. */
  readonly targets: readonly DnsTarget[] | null;
}

interface Known {
  readonly port: number;
  /** By plane; null stands for all of them. */
  readonly addresses: Map<string | null, readonly string[]>;
}

function optionsOf(name: string, { port, addresses }: Known): PeerOptions {
  const anywhere = addresses.get(null);
  // Answers come in any order; a set that is the same has to look the same.
  if (anywhere !== undefined) return { name, port, addresses: [...anywhere].sort() };
  const byPlane = [...addresses].map(([plane, list]) => [plane, [...list].sort()[0]] as const);
  return { name, port, addresses: Object.fromEntries(byPlane) as Record<string, string> };
}

export class DnsAnswers {
  readonly #refreshMs: number;
  #known = new Map<string, Known>();
  #problems: string[] = [];
  #failures = 0;

  constructor(refreshMs: number) {
    this.#refreshMs = refreshMs;
  }

  /** What one round of questions brought: an answer for each SRV name, and what went wrong. */
  step(answers: readonly DnsAnswer[], problems: readonly string[]): void {
    const next = new Map<string, Known>();
    this.#problems = [...problems];
    for (const { plane, targets } of answers) {
      if (targets === null) this.#keepAll(next, plane);
      else for (const target of targets) this.#take(next, plane, target);
    }
    this.#known = next;
    this.#failures = this.#problems.length === 0 ? 0 : this.#failures + 1;
  }

  /** All peers that are known now. */
  get peers(): PeerOptions[] {
    return [...this.#known].map(([name, known]) => optionsOf(name, known));
  }

  /** What went wrong in the last round, for people; empty when all went well. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /**
   * How long to wait for the next round. After failures the pause doubles from
   * limits.dnsRefreshMinMs up to the usual one. Up to a quarter is left away at random, so that the
   * nodes of a cluster do not ask all at once.
   * @param jitter a random number from 0 to 1
   */
  pauseMs(jitter: number): number {
    // 2 ** 30 is beyond any pause, and keeps the product finite.
    const backOffMs = limits.dnsRefreshMinMs * 2 ** Math.min(30, this.#failures - 1);
    const fullMs = this.#failures === 0 ? this.#refreshMs : Math.min(this.#refreshMs, backOffMs);
    return fullMs * (1 - jitter / 4);
  }

  #keepAll(next: Map<string, Known>, plane: string | null): void {
    for (const [name, { port, addresses }] of this.#known) {
      const kept = addresses.get(plane);
      if (kept !== undefined) this.#put(next, plane, name, port, kept);
    }
  }

  #take(next: Map<string, Known>, plane: string | null, target: DnsTarget): void {
    const { name, port, addresses } = target;
    const found = addresses ?? this.#known.get(name)?.addresses.get(plane);
    if (found === undefined) return;
    if (found.length === 0 || found.length > limits.addresses) {
      this.#problems.push(`${name} has ${found.length} addresses`);
      return;
    }
    this.#put(next, plane, name, port, found);
  }

  #put(
    next: Map<string, Known>,
    plane: string | null,
    name: string,
    port: number,
    addresses: readonly string[],
  ): void {
    const known = next.get(name);
    if (known === undefined) {
      next.set(name, { port, addresses: new Map([[plane, addresses]]) });
    } else if (known.port !== port || known.addresses.has(plane)) {
      this.#problems.push(
        known.port === port
          ? `two targets are the node ${name}`
          : `${name} is at ports ${known.port} and ${port}`,
      );
    } else {
      known.addresses.set(plane, addresses);
    }
  }
}
