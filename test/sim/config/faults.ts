/** What goes wrong in a world of replicas, and when. */
import { makeEntry, ORIGIN } from '../../../src/config/entry.js';
import { type EpochRecord, encodeRecord } from '../../../src/config/epoch-record.js';
import type { StoreFailure } from '../../../src/config/store-contract.js';
import { profiles } from '../../../src/timing/profiles.js';
import { Faults } from '../core/faults.js';
import { emptyImage, type Image } from './disk.js';
import type { SimMember } from './member.js';
import type { ConfigWorld } from './world.js';

const { stallMs } = profiles.lan;

const FAILURES: readonly StoreFailure[] = ['ERR_STORE', 'ERR_STORE_FULL', 'ERR_STORE_READ_ONLY'];

export class ConfigFaults extends Faults<ConfigWorld> {
  readonly counts = {
    kills: 0,
    reopens: 0,
    closes: 0,
    cuts: 0,
    stalls: 0,
    failures: 0,
    replaced: 0,
    setBack: 0,
  };
  readonly #backups: { readonly name: string; readonly image: Image }[] = [];

  /** Mends everything that mends itself. */
  protected override mend(): void {
    const world = this.world;
    world.bus.healAll();
    for (const member of world.members) {
      member.disk.slowness = 1;
      const hasFailed = member.disk.failure !== null || member.process?.status?.storeFailure;
      member.disk.failure = null;
      // A store that has failed is mended by opening it anew.
      if (hasFailed) world.kill(member, 'killed');
      if (member.process !== null) member.process.outputsLeft = Number.POSITIVE_INFINITY;
      world.start(member);
    }
  }

  protected override one(): void {
    const random = this.random;
    const { members } = this.world;
    const member = random.pick(members);
    const dice = random.unit();
    if (dice < 0.12) this.#kill(member);
    else if (dice < 0.16) this.#reopen(member);
    else if (dice < 0.22) this.#dieMidway(member);
    else if (dice < 0.34) this.#partition();
    else if (dice < 0.46) this.#cutPair(member, random.pick(members));
    else if (dice < 0.54) this.#failLink(member);
    else if (dice < 0.66) this.#stall(member);
    else if (dice < 0.76) this.#slow(member);
    else if (dice < 0.82) this.#fail(member);
    else if (dice < 0.88) this.#backup(member);
    else if (dice < 0.92) this.#setBack();
    else if (dice < 0.96) this.#empty(member);
    else if (dice < 0.965) this.#foreign(member);
    else if (dice < 0.985) this.#forceBehind();
    else this.#killAll();
  }

  /** How long something stays broken. */
  #whileMs(): number {
    return this.random.exponential(this.random.pick([50, 500, 3000, 10_000]));
  }

  #kill(member: SimMember): void {
    if (member.process === null) return;
    this.counts.kills++;
    this.world.kill(member, this.random.chance(0.7) ? 'killed' : 'vanished');
    this.world.startSoon(member, this.random.chance(0.3) ? 0 : this.#whileMs());
  }

  #reopen(member: SimMember): void {
    if (member.process === null) return;
    const isClosed = this.random.chance(0.6);
    this.counts[isClosed ? 'closes' : 'reopens']++;
    this.world.reopen(member, isClosed);
  }

  /** All at once, as when the power goes. */
  #killAll(): void {
    for (const member of this.world.members) this.#kill(member);
  }

  /** It ends in the middle of a turn: some of what it decided is done, and the rest never. */
  #dieMidway(member: SimMember): void {
    if (member.process === null) return;
    this.counts.kills++;
    member.process.outputsLeft = this.random.below(6);
  }

  /** All are on one side or the other. */
  #partition(): void {
    const { members } = this.world;
    const sides = members.map(() => this.random.below(this.random.pick([2, 2, 3])));
    const durationMs = this.#whileMs();
    for (const [a, one] of members.entries()) {
      for (const [b, other] of members.entries()) {
        if (a < b && sides[a] !== sides[b]) this.#cut(one, other.name, durationMs);
      }
    }
  }

  #cutPair(one: SimMember, other: SimMember): void {
    if (one !== other) this.#cut(one, other.name, this.#whileMs());
  }

  #cut(one: SimMember, other: string, durationMs: number): void {
    const { bus, time } = this.world;
    this.counts.cuts++;
    bus.cut(one.name, other);
    time.after(durationMs, () => {
      if (!this.isOver) bus.heal(one.name, other);
    });
  }

  #failLink(member: SimMember): void {
    this.world.bus.fail(member.name, this.random.pick(this.world.memberNames));
  }

  #stall({ process }: SimMember): void {
    if (process === null) return;
    this.counts.stalls++;
    const durationMs = this.random.exponential(this.random.pick([10, 100, 1500, 4000]));
    // Its peers may take it for one whose loop stands still, too, when it only cannot be heard.
    if (this.random.chance(0.7)) process.stall(durationMs);
    else this.world.bus.stood(process, durationMs);
  }

  /**
   * The sequencer hears nobody and does not know it yet, and the others are forced to go on
   * without it: what it would read by itself is old.
   */
  #forceBehind(): void {
    const { time, members, bus, replicas, operator } = this.world;
    const first = replicas.find(({ status }) => status?.isWritable === true);
    if (first === undefined) return;
    const masters = first.status?.record?.masters.map(({ name }) => name) ?? [];
    for (const { name } of members) {
      if (name !== first.name && masters.includes(name)) this.#cut(first.member, name, stallMs * 4);
    }
    bus.stood(first, stallMs * 4);
    time.after(stallMs + 20, () => {
      const other = this.world.processOf(this.random.pick(masters));
      if (!this.isOver && other !== null && other !== first) operator.force(other);
    });
  }

  #slow({ disk }: SimMember): void {
    disk.slowness = this.random.pick([10, 100, 1000]);
    this.world.time.after(this.#whileMs(), () => {
      disk.slowness = 1;
    });
  }

  /** A disk takes nothing for a while; then somebody mends it, and starts the process anew. */
  #fail(member: SimMember): void {
    const { disk } = member;
    const { time } = this.world;
    if (disk.failure !== null) return;
    this.counts.failures++;
    disk.failure = this.random.pick(FAILURES);
    time.after(this.#whileMs(), () => {
      disk.failure = null;
      if (this.isOver || member.process?.status?.storeFailure == null) return;
      this.world.kill(member, 'killed');
      this.world.startSoon(member, this.random.exponential(200));
    });
  }

  // --- what people do to stores

  #backup({ name, disk }: SimMember): void {
    this.#backups.push({ name, image: disk.backup() });
    if (this.#backups.length > 20) this.#backups.shift();
  }

  /** An older copy of its own store is put where a store was. */
  #setBack(): void {
    const world = this.world;
    const copy = this.random.pick(this.#backups);
    const member = world.members.find(({ name }) => name === copy?.name);
    if (copy === undefined || member === undefined) return;
    if (!member.isSlave && !this.#mayGoBack(member, copy.image)) return;
    this.counts.setBack++;
    this.#swap(member, copy.image, true);
  }

  /**
   * Whether the masters that the copy knows include one that knows better, and is one still.
   * Otherwise those that were set back are all that count, and nobody could tell.
   */
  #mayGoBack({ name, disk }: SimMember, image: Image): boolean {
    const { history } = this.world;
    const tip = history.find(image.log.at(-1)?.hash ?? image.base.hash);
    if (image.storeId !== disk.storeId || disk.setBackFrom !== null) return false;
    return this.world.members.some((other) => {
      const isNamed = [tip?.record, disk.durable?.record].every((record) => {
        return record?.masters.some((master) => {
          return master.name === other.name && master.storeId === other.disk.storeId;
        });
      });
      if (!isNamed || other.name === name || other.disk.setBackFrom !== null) return false;
      return history.holds(other.disk.durable, disk.durable);
    });
  }

  #empty(member: SimMember): void {
    if (!this.world.mayLose(member)) return;
    this.counts.replaced++;
    this.#swap(member, emptyImage(this.world.newId()), false);
  }

  /** The store of another cluster. */
  #foreign(member: SimMember): void {
    if (!this.world.mayLose(member) || member.isSlave) return;
    this.counts.replaced++;
    this.#swap(member, this.#foreignImage(member.name), false);
  }

  #foreignImage(name: string): Image {
    const { history, foreign, newId } = this.world;
    const storeId = newId();
    const masters = [{ name, storeId }];
    if (this.random.chance(0.5)) masters.push({ name: 'other@far', storeId: newId() });
    const record: EpochRecord = {
      clusterId: newId(),
      lineage: newId(),
      epoch: 1,
      masters,
      parent: null,
      ancestors: [],
      cause: { kind: 'bootstrap', by: 'a stranger', atMs: 0 },
    };
    foreign.add(record.lineage);
    history.bootstraps.add(record.lineage);
    const body = encodeRecord(record);
    const entry = makeEntry(ORIGIN, { kind: 'epoch', epoch: 1, requestId: newId(), body });
    const known = history.learn(entry, false);
    if (known !== null) for (const master of masters) history.durable(known, master.storeId);
    const image = emptyImage(storeId);
    return { ...image, log: [entry], committed: this.random.below(2) };
  }

  #swap(member: SimMember, image: Image, isOlderCopy: boolean): void {
    this.world.kill(member, 'killed');
    member.disk.replace(image, isOlderCopy);
    this.world.startSoon(member, this.random.exponential(500));
  }
}
