/**
 * All hosts end, in one way or the other, and start in random orders: what was acknowledged is
 * there, all agree, nobody begins anew, and no operator acts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cast, type Ending, LOAD_MS, type Member, WITHIN_MS } from './coldstart-cast.js';
import type { Chance } from './coldstart-chance.js';
import { pairOf, type ReadState } from './coldstart-protocol.js';
import type { Findings, Steps } from './coldstart-steps.js';

/** Each node has so many writes acknowledged before all end. */
const WRITES_LEAST = 3;

/** How all hosts end; in the last way each as chance will have it. */
export const endings = ['stop', 'kill -9', 'some this, some that'] as const;
export type Endings = (typeof endings)[number];

/** When a host starts after the one before it. */
const PAUSES = ['at once', 'when that is open', 'when that has waited too long'] as const;

export class Orders {
  readonly #cast: Cast;
  readonly #chance: Chance;
  readonly #steps: Steps;

  constructor(cast: Cast, chance: Chance, steps: Steps) {
    this.#cast = cast;
    this.#chance = chance;
    this.#steps = steps;
  }

  /** The first start. */
  async begin(): Promise<void> {
    const { one, all, masters } = this.#cast;
    const expected = 'an operator begins the configuration once, and all nodes read it';
    await this.#steps.take('first start', expected, async (found) => {
      await this.#cast.startAll(this.#chance.shuffled('first start', all));
      await this.#cast.until('the masters are linked', () => one.links.size === all.length - 1);
      const roles = () => all.map(({ status }) => status?.role ?? 'none');
      found.same('roles before', [...new Set(roles())], ['newcomer']);
      await this.#cast.order(one, 'masters', 'bootstrap', ...masters, '--yes');
      await this.#cast.whole();
      const { code } = await this.#cast.put(one, 'cluster/cold/first', 'start');
      found.same('the first write', code, null);
      const [state] = await agreed(this.#cast, found);
      found.same('roles', roles(), ['sequencer', 'master', 'slave', 'slave']);
      found.say(`epoch 1, all at revision ${state?.revision}`);
    });
  }

  /** One of `count` cold starts. */
  async one(number: number, count: number, ending: Endings): Promise<void> {
    const { all } = this.#cast;
    const label = `order ${number}`;
    const order = this.#chance.shuffled(label, all);
    const names = order.map(({ name }) => name.split('@')[0]).join(', ');
    const expected =
      'same lineage and epoch; each acknowledged write is there, each write whole or not at all; ' +
      'all nodes at the same revision; no operator';
    const name = `cold start ${number} of ${count}: ${ending}, then ${names}`;
    await this.#steps.take(name, expected, async (found) => {
      const prefix = `cluster/cold/${number}`;
      const before = await this.#endUnderWrites(found, label, prefix, ending);
      const lastStartMs = await this.#startIn(order, label);
      await this.#cast.whole();
      const wholeMs = performance.now() - lastStartMs;
      const states = await agreed(this.#cast, found, prefix);
      this.#judge(found, prefix, before, states[0] as ReadState);
      found.say(`one again ${(wholeMs / 1000).toFixed(1)} s after the last start`);
    });
  }

  /** @returns how the configuration was, as far as that was known at the end. */
  async #endUnderWrites(
    found: Findings,
    label: string,
    prefix: string,
    ending: Endings,
  ): Promise<Known> {
    const cast = this.#cast;
    const { all } = cast;
    const { lineage, epoch } = all[0]?.status ?? { lineage: '', epoch: 0 };
    for (const member of all) {
      member.written.clear();
      member.running.command({ type: 'write', prefix: below(prefix, member) });
    }
    const hasWritten = ({ acknowledged }: Member) => acknowledged >= WRITES_LEAST;
    await cast.until('all nodes write', () => all.every(hasWritten));
    let exact: ReadState | null = null;
    if (ending === 'stop') {
      for (const { running } of all) running.command({ type: 'rest' });
      await Promise.all(all.map(({ running }) => running.report('rested', WITHIN_MS)));
      [exact = null] = await agreed(cast, found, prefix);
    }
    const how = (member: Member): Ending =>
      ending === 'stop' || ending === 'kill -9'
        ? ending
        : this.#chance.pick(`${label} ends ${member.name}`, ['stop', 'kill -9'] as const);
    await Promise.all(
      this.#chance.shuffled(`${label} ends`, all).map((member) => cast.end(member, how(member))),
    );
    return { lineage, epoch, exact };
  }

  /** @returns when the last one was started, on the clock of `performance.now`. */
  async #startIn(order: readonly Member[], label: string): Promise<number> {
    const open: Promise<void>[] = [];
    let startMs = 0;
    for (const [index, member] of order.entries()) {
      startMs = performance.now();
      const { isOpen } = this.#cast.start(member);
      open.push(isOpen);
      const isLast = index === order.length - 1;
      const pause = isLast ? 'at once' : this.#chance.pick(`${label} pause ${index}`, PAUSES);
      if (pause !== 'at once') await isOpen;
      if (pause === 'when that has waited too long') await sleep(LOAD_MS);
    }
    await Promise.all(open);
    return startMs;
  }

  #judge(found: Findings, prefix: string, before: Known, state: ReadState): void {
    const { all } = this.#cast;
    const epochs = all.map(({ status }) => [status?.lineage, status?.epoch, status?.cause]);
    const [first] = epochs;
    found.same('epochs', new Set(epochs.map(String)).size, 1);
    found.same('lineage, epoch and cause', first, [before.lineage, before.epoch, 'bootstrap']);
    const counts = { acknowledged: 0, unknown: 0, refused: 0 };
    let told = 0;
    const known = new Set<string>();
    for (const member of all) {
      for (const [number, { outcome, revision }] of member.written) {
        counts[outcome]++;
        told = Math.max(told, revision);
        const pair = pairOf(below(prefix, member), number);
        const there = pair.filter((key) => state.items[key] === number);
        for (const key of pair) known.add(key);
        const what = `write ${number} of ${member.name}, ${outcome},`;
        if (outcome === 'acknowledged') found.must(there.length === 2, `${what} is lost`);
        if (outcome === 'refused') found.must(there.length === 0, `${what} is there`);
      }
    }
    const untold = Object.keys(state.items).filter((key) => !known.has(key));
    const halves = Object.keys(state.items).filter((key) => !(otherOf(key) in state.items));
    found.same('halves of writes', halves, []);
    found.must(state.revision >= told, `revision ${state.revision}, and ${told} was told`);
    if (before.exact !== null) {
      const { revision, digest } = before.exact;
      found.same('revision', state.revision, revision);
      found.same('digest', state.digest, digest);
      found.same('writes nobody was told of', untold, []);
    }
    found.say(
      `revision ${state.revision}, lineage and epoch kept; ${counts.acknowledged} writes ` +
        `acknowledged and there, ${counts.unknown} unknown, ${counts.refused} refused; ` +
        `${untold.length / 2} there that nobody was told of`,
    );
  }
}

interface Known {
  readonly lineage: string;
  readonly epoch: number;
  /** Where nothing was under way at the end. */
  readonly exact: ReadState | null;
}

/** Where a node writes. */
function below(prefix: string, { name }: Member): string {
  return `${prefix}/${name.split('@')[0]}`;
}

/** The other key of a write. */
function otherOf(key: string): string {
  return key.endsWith('/left') ? key.replace(/left$/, 'right') : key.replace(/right$/, 'left');
}

/** What all nodes read; it must be the same everywhere. */
export async function agreed(
  cast: Cast,
  found: Findings,
  prefix?: string,
  members: readonly Member[] = cast.all,
): Promise<ReadState[]> {
  const states = await Promise.all(members.map((member) => cast.read(member, prefix)));
  const places = states.map(({ lineage, revision, digest }) => `${lineage} ${revision} ${digest}`);
  const revisions = states.map(({ revision }) => revision);
  found.must(new Set(places).size === 1, `nodes read different things, at ${revisions.join()}`);
  return states;
}
