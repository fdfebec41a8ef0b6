/**
 * The people who run the cluster: they see what their nodes say, and give orders, good ones mostly.
 * While things go wrong several of them act, on both sides of a partition too.
 */
import { forkFrom } from '../../../src/config/epoch-record.js';
import type { Answer, Command } from '../../../src/config/replica-io.js';
import type { ErrorCode } from '../../../src/errors.js';
import type { SeededRandom } from '../../random.js';
import { emptyImage } from './disk.js';
import type { SimMember } from './member.js';
import type { SimProcess } from './process.js';
import type { ConfigWorld } from './world.js';

type Order = Command extends infer One
  ? One extends Command
    ? Omit<One, 'requestId' | 'by' | 'atMs'>
    : never
  : never;

/** Codes that an honest machine may give to an order. */
const HONEST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_REPLICAS',
  'ERR_OUTCOME_UNKNOWN',
  'ERR_TIMEOUT',
  'ERR_QUEUE_FULL',
  'ERR_NOT_READY',
  'ERR_STATE',
  'ERR_ARGUMENT',
  'ERR_LIMIT',
]);

const PATIENCE_MS = 4000;
const COMMAND_MS = 5000;
/** When all is calm, lineages that are forced apart have become known by then. */
const SETTLED_MS = 3000;

export class Operator {
  readonly counts = { orders: 0, done: 0, forces: 0, discards: 0, adds: 0, removes: 0 };
  readonly #world: ConfigWorld;
  readonly #random: SeededRandom;
  #wantedMasters: number;
  /** The first lineage is asked for again and again, until it is there: the same at one node. */
  #bootstrap: Order & { readonly type: 'bootstrap' };
  #bootstrapAt = '';
  readonly #bootstrapIds: string[] = [];
  #writableMs = 0;
  #isBusy = false;
  #calmSinceMs = 0;

  constructor(world: ConfigWorld) {
    this.#world = world;
    this.#random = world.random.fork('operator');
    this.#wantedMasters = world.knobs.masters;
    this.#bootstrap = this.#newBootstrap();
  }

  begin(): void {
    const { time, knobs } = this.#world;
    time.after(this.#random.exponential(knobs.lookMs), () => {
      if (this.#world.isCalm) return;
      this.#look();
      this.begin();
    });
  }

  /** All faults are over: what only people can mend is mended. */
  calm(): void {
    const { time } = this.#world;
    this.#calmSinceMs = time.nowMs;
    const again = () => {
      if (this.#world.isSilent) return;
      if (!this.#isBusy) this.#mend();
      time.after(300, again);
    };
    again();
  }

  // --- while things go wrong

  #look(): void {
    const { time, knobs, replicas } = this.#world;
    const random = this.#random;
    if (replicas.some(({ status }) => status?.isWritable === true)) this.#writableMs = time.nowMs;
    if (this.#isBusy && random.chance(0.8)) return;
    const process = random.pick(replicas);
    if (process === undefined) return;
    if (random.chance(knobs.whim)) return this.#whim(process);
    if (random.chance(0.2)) this.#wantedMasters = random.whole(1, 4);
    if (this.#world.history.lineages.length === 0) return this.#begin(process);
    if (process.status?.isWritable === true) return this.#fitMasters(process);
    this.#help(process);
  }

  #begin(process: SimProcess): void {
    if (process.name !== this.#bootstrapAt || this.#random.chance(0.1)) {
      this.#bootstrap = this.#newBootstrap();
      this.#bootstrapAt = process.name;
      this.#bootstrapIds.push(this.#world.newId());
    }
    this.#order(process, this.#bootstrap, this.#bootstrapIds.at(-1));
  }

  #newBootstrap(): Order & { readonly type: 'bootstrap' } {
    const { knobs, masterNames, newId } = this.#world;
    const masters = masterNames.slice(0, knobs.masters);
    const lineage = newId();
    this.#world.history.bootstraps.add(lineage);
    return { type: 'bootstrap', masters, clusterId: newId(), lineage };
  }

  /** Adds or removes one, so that there are as many masters as are wanted. */
  #fitMasters(process: SimProcess): void {
    const random = this.#random;
    const masters = process.status?.record?.masters.map(({ name }) => name) ?? [];
    const others = this.#world.masterNames.filter((name) => !masters.includes(name));
    if (masters.length < this.#wantedMasters && others.length > 0) {
      return this.#order(process, { type: 'add', name: random.pick(others) });
    }
    if (masters.length > this.#wantedMasters) {
      return this.#order(process, { type: 'remove', name: random.pick(masters) });
    }
    // One for another.
    if (random.chance(0.1) && others.length > 0) {
      return this.#order(process, { type: 'add', name: random.pick(others) });
    }
  }

  /** Nothing can be written for long: goes on without those that are away, or mends what is. */
  #help(process: SimProcess): void {
    const { time } = this.#world;
    const random = this.#random;
    const { status, member } = process;
    if (status === null || time.nowMs - this.#writableMs < PATIENCE_MS) return;
    if (status.troubles.some(({ code }) => code === 'ERR_LINEAGE') && random.chance(0.2)) {
      return this.#discard(member);
    }
    if (status.setAside > 0 && random.chance(0.3)) return this.#order(process, { type: 'forget' });
    if (status.missing.length > 0 && random.chance(0.5)) return this.force(process);
  }

  #whim(process: SimProcess): void {
    const random = this.#random;
    const name = random.pick(this.#world.memberNames);
    const dice = random.below(5);
    if (dice === 0) this.#order(process, this.#newBootstrap());
    else if (dice === 1) this.#order(process, { type: 'add', name });
    else if (dice === 2) this.#order(process, { type: 'remove', name });
    else if (dice === 3) this.#order(process, { type: 'forget' });
    else this.force(process);
  }

  // --- orders

  /** Goes on without those that are away. */
  force(process: SimProcess): void {
    this.#order(process, { type: 'force', lineage: this.#world.newId() });
  }

  /** Empties a store, so that its member takes what the others have. */
  #discard(member: SimMember): void {
    if (!this.#world.mayLose(member) && !this.#world.hasRival(member)) return;
    this.counts.discards++;
    this.#world.kill(member, 'killed');
    member.disk.replace(emptyImage(this.#world.newId()), false);
    this.#world.startSoon(member);
  }

  #order(process: SimProcess, order: Order, requestId = this.#world.newId()): void {
    const { time, checker, trace } = this.#world;
    const command: Command = { ...order, requestId, by: 'operator', atMs: Math.floor(time.nowMs) };
    this.counts.orders++;
    trace.note(time.nowMs, `order ${order.type}`, process.name);
    this.#isBusy = true;
    process.ask(command, COMMAND_MS, (answer) => {
      this.#isBusy = false;
      trace.note(time.nowMs, `order ${outcomeOf(answer)}`, process.name);
      if (answer?.type === 'done') this.#done(process, order, requestId, answer);
      else if (answer?.type === 'error') this.#failed(process, order, requestId, answer.code);
      else if (answer !== null) checker.violated(`an order is answered with ${answer.type}`);
    });
  }

  #done(
    process: SimProcess,
    order: Order,
    requestId: string,
    answer: Answer & { readonly type: 'done' },
  ): void {
    const { history, checker } = this.#world;
    this.counts.done++;
    if (order.type === 'forget') return;
    if (order.type === 'force') this.counts.forces++;
    if (order.type === 'add') this.counts.adds++;
    if (order.type === 'remove') this.counts.removes++;
    const entries = history.lineage(answer.lineage)?.entries.values() ?? [];
    // A force may have committed it, as part of the lineage that is answered.
    const known = [...entries, ...history.entriesOf(requestId)].find(({ entry, record }) => {
      return entry.kind === 'epoch' && record.epoch === answer.epoch;
    });
    const what = `${process.name}: ${order.type} is done`;
    if (known === undefined) return checker.violated(`${what}, and there is no such epoch`);
    if (!known.isCommitted) checker.violated(`${what}, and its epoch is not committed`);
    else history.acknowledged(known, answer.lineage);
  }

  #failed(process: SimProcess, order: Order, requestId: string, code: ErrorCode): void {
    const { history, checker } = this.#world;
    if (!HONEST.has(code)) checker.violated(`${process.name}: ${order.type} fails with ${code}`);
    // A bootstrap that is ordered again may have been carried out before.
    if (code === 'ERR_OUTCOME_UNKNOWN' || this.#bootstrapIds.includes(requestId)) return;
    history.refused(requestId, code);
  }

  // --- when all is calm

  #mend(): void {
    const { time, replicas } = this.#world;
    if (time.nowMs - this.#calmSinceMs < SETTLED_MS) return;
    const first = replicas[0];
    if (first === undefined) return;
    const holders = replicas.filter(({ status }) => status?.record != null);
    if (holders.length === 0) return this.#begin(first);
    const winner = this.#winner(holders);
    const rivals = this.#world.processes.filter((process) => this.#isRival(process, winner));
    if (rivals.length > 0) {
      for (const { member } of rivals) this.#discardNow(member);
      this.#calmSinceMs = time.nowMs;
      return;
    }
    const masters = holders.filter(({ status }) => {
      const isMaster = status?.role === 'sequencer' || status?.role === 'master';
      return isMaster && status.missing.length > 0;
    });
    if (masters.length === 0) return;
    this.#calmSinceMs = time.nowMs;
    // One that is about to be a master no more waits for those that are to stay: then at another.
    this.force(this.#random.pick(masters));
  }

  /** The lineage that is to stay. */
  #winner(holders: readonly SimProcess[]): string {
    const rank = ({ status }: SimProcess) => {
      const isMaster = status?.role === 'sequencer' || status?.role === 'master';
      const isForeign = this.#world.foreign.has(status?.record?.lineage ?? '');
      return (isForeign ? 0 : 1e6) + (isMaster ? 1e3 : 0) + (status?.record?.epoch ?? 0);
    };
    const [best] = holders.toSorted((a, b) => rank(b) - rank(a));
    return best?.status?.record?.lineage ?? '';
  }

  /** Whether a member holds what neither is the winner nor gives way to it by itself. */
  #isRival({ status }: SimProcess, winner: string): boolean {
    const record = status?.record;
    if (record == null || record.lineage === winner) return false;
    const first = this.#world.history.lineage(winner)?.first;
    return first === undefined || forkFrom(first.record, record.lineage) === null;
  }

  #discardNow(member: SimMember): void {
    this.counts.discards++;
    this.#world.kill(member, 'killed');
    member.disk.replace(emptyImage(this.#world.newId()), false);
    this.#world.start(member);
  }
}

function outcomeOf(answer: Answer | null): string {
  return answer === null ? 'lost' : answer.type === 'error' ? answer.code : answer.type;
}
