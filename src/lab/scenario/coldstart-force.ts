/**
 * Masters that are away: one alone waits and then only reads; a force goes on without the other,
 * which returns with what nobody was told of; two sides that were both forced refuse each other.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Impairment } from '../network/faults.js';
import { type Cast, LOAD_MS, type Member } from './coldstart-cast.js';
import { agreed } from './coldstart-orders.js';
import type { ReadState } from './coldstart-protocol.js';
import type { Findings, Steps } from './coldstart-steps.js';

/** The load timeout is measured from outside: it begins a little before that is seen. */
const LOAD_SLACK_MS = 500;
/** A write that cannot be answered is given up after so long, before its master sees why. */
const UNANSWERED_MS = 500;
/** Two sides that have met are watched for so long: nothing may pass. */
const APART_MS = 3000;
/** A read before the load timeout waits so long. */
const EARLY_MS = 500;
const SURPLUS = 'cluster/cold/nobody-was-told';

/** What is read, but for the items. */
type Place = Omit<ReadState, 'items'>;

export class Forces {
  readonly #cast: Cast;
  readonly #steps: Steps;
  /** What all had before the sequencer was cut off. */
  #kept: Place = { lineage: '', revision: 0, digest: '' };

  constructor(cast: Cast, steps: Steps) {
    this.#cast = cast;
    this.#steps = steps;
  }

  async run(): Promise<void> {
    await this.#surplus();
    await this.#alone();
    await this.#force();
    await this.#returns();
    await this.#apart();
    await this.#strangers();
    await this.#discard();
  }

  /** The sequencer is cut off with a write under way, which is in its log alone. */
  async #surplus(): Promise<void> {
    const { one, two, three, four } = this.#cast;
    const expected = 'the write has no answer: its outcome is unknown; then all hosts end';
    await this.#steps.take('the sequencer cut off in a write', expected, async (found) => {
      const [state] = await agreed(this.#cast, found);
      if (state !== undefined) this.#kept = state;
      this.#isolate([one]);
      const { code } = await this.#cast.put(one, SURPLUS, 'surplus', UNANSWERED_MS);
      found.same('the write', code, 'ERR_OUTCOME_UNKNOWN');
      await this.#cast.end(one, 'kill -9');
      // What its process has sent, its kernel sends again and again until somebody takes it.
      await this.#cast.endAll('stop', [two, three, four]);
      this.#join([one]);
      found.say(`${code}; all had revision ${this.#kept.revision}`);
    });
  }

  async #alone(): Promise<void> {
    const { two } = this.#cast;
    const expected =
      `nothing is read for ${LOAD_MS} ms, the load timeout; then reads of what was committed, ` +
      'and no writes';
    await this.#steps.take('a master starts alone', expected, async (found) => {
      await this.#cast.startAll([two]);
      const early = await this.#cast.tryRead(two, undefined, false, EARLY_MS);
      found.same('an early read', early.code, 'ERR_NOT_READY');
      await this.#cast.until('it is readable', () => two.readableMs !== null);
      const waitedMs = (two.readableMs ?? 0) - two.openMs;
      const isInTime = Math.abs(waitedMs - LOAD_MS) <= LOAD_SLACK_MS;
      found.must(isInTime, `it lets read ${waitedMs.toFixed(0)} ms after its start`);
      const { lineage, revision, digest } = await this.#cast.read(two, undefined, false);
      const { lineage: before, revision: last, digest: same } = this.#kept;
      found.same('what it reads', [lineage, revision, digest], [before, last, same]);
      const { code } = await this.#cast.put(two, 'cluster/cold/alone', 1);
      found.same('a write', code, 'ERR_REPLICAS');
      found.same('the end of its log', two.status?.last, this.#kept.revision);
      found.say(
        `${early.code} at first, reads of revision ${revision} after ${waitedMs.toFixed(0)} ms, ` +
          `a write is ${code} and appended nowhere`,
      );
    });
  }

  async #force(): Promise<void> {
    const { one, two, three, four } = this.#cast;
    const expected =
      'the command says what is lost sight of, a new lineage begins, slaves follow it, and ' +
      'writes are taken';
    await this.#steps.take('force', expected, async (found) => {
      const { plan, epoch, lineage } = await this.#cast.order(two, 'masters', 'force', '--yes');
      const { does, warns } = plan as { does: string[]; warns: string[] };
      found.must(does.includes(`${one.name} is a master no more`), `it says ${does.join()}`);
      found.must(warns.join().includes('lost sight of'), `it warns of ${warns.join()}`);
      found.same('epoch', epoch, 2);
      found.must(lineage !== this.#kept.lineage, 'the lineage is the old one');
      await this.#cast.startAll([three, four]);
      await this.#cast.until('slaves follow', () =>
        [three, four].every(({ status }) => {
          return status?.lineage === lineage && status?.readable !== null && !status?.isDown;
        }),
      );
      const { code } = await this.#cast.put(four, 'cluster/cold/forced', 'two');
      found.same('a write of a slave', code, null);
      const [state] = await agreed(this.#cast, found, undefined, [two, three, four]);
      found.must(!(SURPLUS in (state?.items ?? {})), 'what nobody was told of is there');
      found.say(`epoch ${epoch}, another lineage, revision ${state?.revision} at all three`);
    });
  }

  async #returns(): Promise<void> {
    const { one, two } = this.#cast;
    const expected =
      'it is a slave, takes what the others have, and shows the write that nobody was told of; ' +
      'it is a master again when it is added';
    await this.#steps.take('the old master returns', expected, async (found) => {
      await this.#cast.startAll([one]);
      const { lineage } = two.status ?? {};
      await this.#cast.until('it follows', () => {
        return one.status?.lineage === lineage && one.status?.readable !== null;
      });
      found.same('its role', one.status?.role, 'slave');
      const [state] = await agreed(this.#cast, found);
      found.must(!(SURPLUS in (state?.items ?? {})), 'what nobody was told of is there');
      found.same('sets that were set aside', one.status?.setAside, 1);
      await this.#shown(found, one);
      await this.#cast.order(two, 'masters', 'add', one.name, '--yes');
      await this.#cast.order(one, 'masters', 'forget', '--yes');
      await this.#cast.whole();
      found.same('its role in the end', one.status?.role, 'master');
      found.same('sets that are still set aside', one.status?.setAside, 0);
      found.say('slave at the same revision as all, then added: master');
    });
  }

  /** The difference, as an operator gets to see it. */
  async #shown(found: Findings, member: Member): Promise<void> {
    const list = await this.#cast.run(member, 'masters', 'list');
    found.must(/set aside here: 1/.test(list), `masters list says: ${list}`);
    const aside = await this.#cast.run(member, 'masters', 'aside');
    found.must(aside.includes(`+ ${SURPLUS}: "surplus"`), `masters aside says: ${aside}`);
    found.say(`\`masters aside\` shows ${aside.split('\n')[1]}`);
  }

  /** {one, three} and {two, four}, both forced while they did not reach each other. */
  async #apart(): Promise<void> {
    const { one, two, three, four, all } = this.#cast;
    const expected =
      'they refuse each other (ERR_LINEAGE) when they meet, nothing passes, each slave stays ' +
      'with its side';
    await this.#steps.take('two sides forced apart', expected, async (found) => {
      this.#isolate([two, four]);
      const ones = await this.#forceSide(found, one, three, two);
      this.#isolate([one, three]);
      this.#join([two, four]);
      const twos = await this.#forceSide(found, two, four, one);
      found.must(ones.lineage !== twos.lineage, 'both sides have one lineage');
      this.#join([one, three]);
      await this.#cast.until('they meet', () => {
        return all.every(({ links }) => links.size === all.length - 1);
      });
      const refuses = (at: Member, other: Member) =>
        at.status?.troubles.includes(`${other.name} ERR_LINEAGE`) === true;
      await this.#cast.until('they refuse', () => refuses(one, two) && refuses(two, one));
      await sleep(APART_MS);
      const after = [await this.#side(found, [one, three]), await this.#side(found, [two, four])];
      found.same('what both sides hold', after, [ones, twos]);
      found.say(
        `ERR_LINEAGE at both; ${one.name} and ${three.name} stay at revision ` +
          `${ones.revision} of theirs, ${two.name} and ${four.name} at ${twos.revision}`,
      );
    });
  }

  /** @returns what both read then. */
  async #forceSide(found: Findings, master: Member, slave: Member, away: Member): Promise<Place> {
    await this.#cast.until('the other is missed', () => {
      return master.status?.missing.includes(away.name) === true && master.links.has(slave.name);
    });
    const { lineage } = await this.#cast.order(master, 'masters', 'force', '--yes');
    await this.#cast.until('its slave follows', () => slave.status?.lineage === lineage);
    await this.#cast.put(master, 'cluster/cold/side', master.name);
    return this.#side(found, [master, slave]);
  }

  /** What one side reads, the same at its master and its slave. */
  async #side(found: Findings, members: readonly Member[]): Promise<Place> {
    const [state] = await agreed(this.#cast, found, undefined, members);
    const { lineage = '', revision = 0, digest = '' } = state ?? {};
    return { lineage, revision, digest };
  }

  /** Its master is gone, and one of the other side is in touch. */
  async #strangers(): Promise<void> {
    const { one, two, three } = this.#cast;
    const expected = 'it says DOWN and keeps what it has, until a master of its own side is back';
    const name = 'a slave and none but a foreign master';
    await this.#steps.take(name, expected, async (found) => {
      const before = await this.#cast.read(three, undefined, false);
      await this.#cast.end(one, 'kill -9');
      await this.#cast.until('the slave says so', () => three.status?.isDown === true);
      await sleep(APART_MS);
      found.must(three.links.has(two.name), 'it has no link with the foreign master');
      found.same('it is DOWN', three.status?.isDown, true);
      const after = await this.#cast.read(three, undefined, false);
      found.same('what it reads', after, before);
      await this.#cast.startAll([one]);
      await this.#cast.until('it is up', () => three.status?.isDown === false);
      const state = await this.#cast.read(three);
      found.same('its lineage', state.lineage, before.lineage);
      found.say(`DOWN at revision ${after.revision} of its own lineage, then up in it`);
    });
  }

  /** The procedure for two sides: one is discarded. */
  async #discard(): Promise<void> {
    const { one, two, three } = this.#cast;
    const expected = 'with empty stores, its nodes take the side that stays; its master is added';
    await this.#steps.take('one side discarded', expected, async (found) => {
      const { lineage } = two.status ?? {};
      await this.#cast.endAll('stop', [one, three]);
      for (const member of [one, three]) this.#cast.discard(member);
      await this.#cast.startAll([one, three]);
      await this.#cast.until('the empty store waits', () => {
        return one.status?.role === 'newcomer' && one.links.has(two.name);
      });
      await this.#cast.order(two, 'masters', 'add', one.name, '--yes');
      await this.#cast.whole();
      const [state] = await agreed(this.#cast, found);
      found.same('the lineage of all', state?.lineage, lineage);
      found.say(`all at revision ${state?.revision} of the side that stayed`);
    });
  }

  /** Nothing passes between these and anybody, on any plane. */
  #isolate(members: readonly Member[]): void {
    this.#impair(members, { lossShare: 1 });
  }

  #join(members: readonly Member[]): void {
    this.#impair(members, null);
  }

  #impair(members: readonly Member[], change: Impairment | null): void {
    const { lab } = this.#cast;
    for (const { host } of members) {
      for (const plane of lab.planes) lab.impair(plane, host.number, change);
    }
  }
}
