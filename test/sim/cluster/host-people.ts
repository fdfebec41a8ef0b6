/** Those who describe what a host is to run, and who run it. */
import type { EffectiveItem } from '../../../src/config/view.js';
import type { TreeReader } from '../../../src/controller/tree-hosts.js';
import { drainedKey, WHEN_DOWN_KEY } from '../../../src/controller/tree-keys.js';
import type { SeededRandom } from '../../random.js';
import { BAD } from './host-keeper.js';
import type { HostWorld } from './host-world.js';

const STRATEGIES = ['one-for-one', 'one-for-all', 'rest-for-one'] as const;
const KINDS = ['permanent', 'permanent', 'permanent', 'transient', 'temporary'] as const;

/** The configuration, as far as it is read by whoever runs workers. */
export class HostTree {
  readonly #values = new Map<string, unknown>();
  readonly #prefix: string;
  /** What holds, as long as nothing was put. */
  #effective: EffectiveItem[] | null = null;

  constructor(host: string) {
    this.#prefix = `hosts/${host}/`;
  }

  /** Undefined: it has none. */
  put(key: string, value: unknown): void {
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    this.#effective = null;
  }

  get(key: string): ReturnType<TreeReader['get']> {
    const value = this.#values.get(key);
    if (value === undefined) return null;
    return { key, value, createRevision: 1, modRevision: 1, version: 1 };
  }

  /** What holds for the host, in the order of keys; the same array until something is put. */
  effective(): EffectiveItem[] {
    if (this.#effective !== null) return this.#effective;
    const all = [...this.#values].filter(([key]) => key.startsWith(this.#prefix));
    const items = all.map(([key, value]) => {
      return { key: key.slice(this.#prefix.length), value, origin: key, hides: [] };
    });
    this.#effective = items.sort((a, b) => (a.key < b.key ? -1 : 1));
    return this.#effective;
  }
}

export class People {
  readonly #world: HostWorld;
  readonly #random: SeededRandom;
  readonly #names: readonly string[];
  readonly #groups: readonly string[];

  constructor(world: HostWorld) {
    this.#world = world;
    this.#random = world.random.fork('people');
    const { workers, groups } = world.knobs;
    this.#names = Array.from({ length: workers }, (_, index) => `w${index}`);
    this.#groups = Array.from({ length: groups }, (_, index) =>
      index > 0 ? `g${index}` : 'default',
    );
  }

  begin(): void {
    this.#describeAll();
    this.#actLater();
  }

  /** Everything is to run, and nothing that is described is bad; done is what people can mend. */
  calm(): void {
    const { tree } = this.#world;
    this.#put(WHEN_DOWN_KEY, undefined);
    this.#put(drainedKey(this.#world.host), undefined);
    for (const name of this.#names) {
      const value = tree.get(this.#workerKey(name))?.value;
      if (isBad(value)) this.#put(this.#workerKey(name), this.#worker(name, false));
    }
    this.#mendAgain();
  }

  /** All that is described gets another argument from now on. */
  renewAll(argument: string): void {
    const { tree } = this.#world;
    for (const name of this.#names) {
      const value = tree.get(this.#workerKey(name))?.value;
      if (value === undefined) continue;
      this.#put(this.#workerKey(name), { ...(value as object), args: [argument] });
    }
    this.#changed();
  }

  drain(isOn: boolean): void {
    this.#put(drainedKey(this.#world.host), isOn ? true : undefined);
    this.#changed();
  }

  order(command: 'start' | 'stop' | 'restart', name: string): void {
    this.#world.controller?.order(command, name);
  }

  #workerKey(name: string): string {
    return `hosts/${this.#world.host}/workers/${name}`;
  }

  #put(key: string, value: unknown): void {
    this.#world.trace.note(this.#world.time.nowMs, 'put', key);
    this.#world.tree.put(key, value);
  }

  /** Comes to be known after a while. */
  #changed(): void {
    this.#world.time.after(this.#random.exponential(1), () => this.#world.controller?.follow());
  }

  #actLater(): void {
    const { time, knobs } = this.#world;
    time.after(this.#random.exponential(knobs.actEveryMs), () => {
      if (this.#world.isCalm) return;
      this.#act();
      this.#actLater();
    });
  }

  #act(): void {
    const random = this.#random;
    const dice = random.unit();
    if (dice < 0.35)
      return this.order(random.pick(['start', 'start', 'stop', 'restart']), this.#any());
    if (dice < 0.65) this.#describe(this.#any());
    else if (dice < 0.7) this.#describeAll();
    else if (dice < 0.8) this.#describeGroup(random.pick(this.#groups));
    else if (dice < 0.85) this.#renewSome();
    else if (dice < 0.92) this.#put(WHEN_DOWN_KEY, random.pick(['keep', 'stop', undefined]));
    else this.#put(drainedKey(this.#world.host), random.chance(0.3) ? true : undefined);
    this.#changed();
  }

  #any(): string {
    return this.#random.pick(this.#names);
  }

  #describeAll(): void {
    for (const name of this.#names) this.#describe(name);
    for (const group of this.#groups) this.#describeGroup(group);
  }

  /** Several become something else at once. */
  #renewSome(): void {
    const version = this.#random.below(1000);
    for (const name of this.#names) {
      const value = this.#world.tree.get(this.#workerKey(name))?.value;
      if (typeof value !== 'object' || this.#random.chance(0.3)) continue;
      this.#put(this.#workerKey(name), { ...value, args: [`${version}`] });
    }
  }

  #describe(name: string): void {
    const isWanted = this.#random.chance(0.85);
    this.#put(this.#workerKey(name), isWanted ? this.#worker(name, true) : undefined);
  }

  /** @param mayBeBad it may be none, or one that never starts */
  #worker(name: string, mayBeBad: boolean): unknown {
    const random = this.#random;
    const { badSpec, badLaunch } = this.#world.knobs;
    if (mayBeBad && random.chance(badSpec)) return { command: [] };
    const args = mayBeBad && random.chance(badLaunch) ? [BAD] : [`${random.below(3)}`];
    return {
      command: ['run', name],
      args,
      group: random.pick(this.#groups),
      order: random.below(3),
      restart: random.pick(KINDS),
      ready: random.pick(['started', 'notify']),
      readyMs: random.whole(50, 3000),
      stopMs: random.whole(50, 3000),
      stopSignal: random.pick(['SIGTERM', 'SIGTERM', 'SIGINT', 'SIGKILL']),
      ...(random.chance(0.5) ? { beatMs: random.whole(50, 1000) } : {}),
    };
  }

  #describeGroup(group: string): void {
    const random = this.#random;
    const minMs = random.whole(1, 300);
    const value = {
      strategy: random.pick(STRATEGIES),
      intensity: random.pick([0, 1, 3, 3, 10, 50]),
      periodMs: random.whole(100, 10_000),
      backoff: { minMs, maxMs: minMs * random.whole(1, 20) },
    };
    const isDescribed = random.chance(0.8);
    this.#put(`hosts/${this.#world.host}/groups/${group}`, isDescribed ? value : undefined);
  }

  /** What was given up or stopped before all was calm is started, again and again. */
  #mendAgain(): void {
    const { controller, time } = this.#world;
    if (controller?.isLoaded === true) {
      controller.follow();
      for (const { name, state, isHeld } of controller.view().workers) {
        if (state === 'given-up' || isHeld) this.order('start', name);
      }
    }
    time.after(300, () => {
      if (!this.#world.isSettled) this.#mendAgain();
    });
  }
}

function isBad(value: unknown): boolean {
  const { command, args } = (value ?? {}) as { command?: string[]; args?: string[] };
  return command?.length === 0 || args?.includes(BAD) === true;
}
