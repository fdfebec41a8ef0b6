/**
 * Cold starts of a small world: all hosts end, by crash or loss of power, with clients at work; all
 * start in a random order, and nobody acts. No other fault happens.
 */
import { SeededRandom } from '../../random.js';
import { setLimits } from '../core/limits.js';
import { chooseKnobs } from './knobs.js';
import type { SimMember } from './member.js';
import type { SimProcess } from './process.js';
import { ConfigWorld } from './world.js';

/** What one seed did. */
export interface ColdStart {
  readonly violations: readonly string[];
  /** Names in the order of their starts. */
  readonly order: readonly string[];
  /** The newest that was told as written before all ended, and what all show in the end. */
  readonly toldRevision: number;
  readonly revision: number;
  /** How many epoch entries there are in the end. */
  readonly epochs: number;
  /** A master served reads alone before the last had started. */
  readonly hasWaited: boolean;
}

/** Clients work for so long before all ends. */
const WORK_MS = 1500;
/** From the last start until all is as it was, at most. */
const WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

/** One cold start. */
export function coldStart(seed: number): ColdStart {
  const random = new SeededRandom(seed);
  const chosen = chooseKnobs(random.fork('knobs'));
  const knobs = { ...chosen, masters: random.whole(2, 4), spares: 0, clients: 5, loadMs: 500 };
  const restore = setLimits(knobs.limits);
  try {
    const options = { leastEvents: 0, isVerbose: false };
    return new ColdStartRun(new ConfigWorld(seed, random, knobs, options)).run();
  } finally {
    restore();
  }
}

class ColdStartRun {
  readonly #world: ConfigWorld;
  readonly #random: SeededRandom;
  #hasWaited = false;

  constructor(world: ConfigWorld) {
    this.#world = world;
    this.#random = world.random.fork('cold start');
  }

  run(): ColdStart {
    const { members, history, checker } = this.#world;
    for (const member of members) this.#world.start(member);
    this.#begin();
    this.#until('all are one', () => this.#isWhole());
    this.#pass(WORK_MS);
    // Whoever was told nothing asks again; nothing new is asked for.
    this.#world.isSilent = true;
    this.#end();
    const [first] = history.lineages;
    const toldRevision = first?.toldRevision ?? 0;
    const order = this.#start();
    this.#until('all are one again', () => this.#isWhole());
    this.#until('all show the same', () => this.#shown().size === 1);
    const [revision = 0] = this.#shown();
    if (revision < toldRevision) checker.violated(`${revision} is shown, ${toldRevision} was told`);
    if (history.lineages.length !== 1) checker.violated('there is another lineage');
    const entries = [...(first?.entries.values() ?? [])];
    const epochs = entries.filter(({ entry }) => entry.kind === 'epoch').length;
    const { violations } = checker;
    return { violations, order, toldRevision, revision, epochs, hasWaited: this.#hasWaited };
  }

  /** The only order that is given. */
  #begin(): void {
    const { masterNames, history, newId } = this.#world;
    const [name = ''] = masterNames;
    const lineage = newId();
    history.bootstraps.add(lineage);
    const asked = { requestId: newId(), by: 'operator', atMs: 0, clusterId: newId(), lineage };
    const request = { ...asked, type: 'bootstrap', masters: masterNames } as const;
    const ask = () => {
      const again = () => this.#world.time.after(100, ask);
      const process = this.#world.processOf(name);
      // Links may be there before who speaks over them.
      if (process === null) again();
      else {
        process.ask(request, 1000, (answer) => {
          // Before all of them have met, there is no such order.
          if (answer?.type === 'error') again();
        });
      }
    };
    ask();
  }

  /** All at once, or one after the other; by crash, or loss of power. */
  #end(): void {
    const { members } = this.#world;
    const isAtOnce = this.#random.chance(0.5);
    for (const member of shuffled(members, this.#random)) {
      this.#world.kill(member, this.#random.pick(['killed', 'vanished'] as const));
      if (!isAtOnce) this.#pass(this.#random.exponential(300));
    }
  }

  #start(): string[] {
    const { members, knobs } = this.#world;
    const order = shuffled(members, this.#random);
    for (const [index, member] of order.entries()) {
      this.#world.start(member);
      if (index === order.length - 1) break;
      this.#pass(this.#random.pick([0, this.#random.exponential(200), 3 * knobs.loadMs]));
      this.#hasWaited ||= this.#world.replicas.some(({ status }) => status?.isReadable === true);
    }
    return order.map(({ name }) => name);
  }

  #isWhole(): boolean {
    const { members, replicas } = this.#world;
    const leader = replicas.find(({ status }) => status?.isWritable === true);
    return leader !== undefined && members.every(({ process }) => isWell(process));
  }

  /** Revisions that are shown. */
  #shown(): Set<number> {
    return new Set(this.#world.processes.map(({ shown }) => shown?.entry.revision ?? 0));
  }

  #pass(durationMs: number): void {
    const { time } = this.#world;
    this.#run(time.nowMs + durationMs, () => false);
  }

  #until(what: string, isDone: () => boolean): void {
    const { time, checker } = this.#world;
    if (this.#run(time.nowMs + WITHIN_MS, isDone)) return;
    checker.violated(`${what}: not within ${WITHIN_MS} ms`);
  }

  /** Lets the world go on until a time, or until it is done. @returns whether it is. */
  #run(endMs: number, isDone: () => boolean): boolean {
    const { time, checker } = this.#world;
    let lookMs = time.nowMs;
    while (checker.violations.length === 0 && !isDone()) {
      if (time.nextMs > endMs) return false;
      time.step();
      if (time.nowMs < lookMs) continue;
      checker.look();
      lookMs = time.nowMs + LOOK_EVERY_MS;
    }
    return true;
  }
}

function isWell(process: SimProcess | null): boolean {
  const { status } = process ?? {};
  if (status == null) return false;
  const { isReadable, isDown, missing, troubles } = status;
  return isReadable && !isDown && missing.length === 0 && troubles.length === 0;
}

function shuffled(members: readonly SimMember[], random: SeededRandom): SimMember[] {
  return members
    .map((member) => ({ member, at: random.unit() }))
    .sort((a, b) => a.at - b.at)
    .map(({ member }) => member);
}
