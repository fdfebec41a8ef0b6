import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { arbitrate, type CandidateLink, type ExistingLink } from '../../../src/link/arbitration.js';

const up = (changes: Partial<ExistingLink> = {}): ExistingLink => ({
  up: true,
  dialledBy: 'peer',
  linkNumber: 5,
  incarnation: 1n,
  ...changes,
});
const candidate = (changes: Partial<CandidateLink> = {}): CandidateLink => ({
  dialledBy: 'peer',
  linkNumber: 6,
  incarnation: 1n,
  ...changes,
});
const verdict = (local: string, existing: ExistingLink | null, link: CandidateLink): string =>
  arbitrate(local, 'm', existing, link).verdict;

test('no other link: accepted', () => {
  assert.equal(verdict('a', null, candidate()), 'accept');
});

test('the same incarnation: a higher number replaces at once, a lower one is refused', () => {
  for (const dialledBy of ['local', 'peer'] as const) {
    assert.equal(verdict('a', up({ dialledBy }), candidate()), 'replace');
    assert.equal(verdict('z', up({ dialledBy }), candidate({ linkNumber: 4 })), 'refuse');
  }
});

test('simultaneous dial: of equal numbers the link dialled by the lower name stays', () => {
  const equal = candidate({ linkNumber: 5 });
  assert.equal(verdict('a', up({ dialledBy: 'local' }), equal), 'refuse');
  assert.equal(verdict('z', up({ dialledBy: 'local' }), equal), 'replace');
  const own = candidate({ linkNumber: 5, dialledBy: 'local' });
  assert.equal(verdict('a', up(), own), 'replace');
  assert.equal(verdict('z', up(), own), 'refuse');
});

test('simultaneous dial: the same holds against an own dial that is not up yet', () => {
  const pending = up({ up: false, dialledBy: 'local', incarnation: null });
  assert.equal(verdict('a', pending, candidate({ linkNumber: 5 })), 'refuse');
  assert.equal(verdict('z', pending, candidate({ linkNumber: 5 })), 'replace');
});

test('the same end twice with one number: the second is refused', () => {
  assert.equal(verdict('z', up(), candidate({ linkNumber: 5 })), 'refuse');
});

test('another incarnation while a link is up: the old one is asked, whatever the numbers', () => {
  for (const linkNumber of [1, 5, 9]) {
    assert.equal(verdict('a', up(), candidate({ incarnation: 2n, linkNumber })), 'probe-old');
  }
});

/** One association between the two model nodes, with what is under way on it in each direction. */
interface Wire {
  readonly id: number;
  readonly number: number;
  readonly dialler: number;
  readonly toAcceptor: ('response' | 'abort')[];
  readonly toDialler: ('welcome' | 'refuse' | 'abort')[];
}

interface ModelLink extends ExistingLink {
  readonly wire: Wire;
}

/**
 * Two nodes that dial, lose and arbitrate, one event at a time, in whatever order the test wants.
 */
class Model {
  readonly names = ['a', 'm'] as const;
  readonly links: (ModelLink | null)[] = [null, null];
  readonly highest = [0, 0];
  readonly wires: Wire[] = [];

  dial(node: number): void {
    if (this.links[node] !== null) return;
    const wire: Wire = {
      id: this.wires.length,
      number: this.highest[node]! + 1,
      dialler: node,
      toAcceptor: ['response'],
      toDialler: [],
    };
    this.wires.push(wire);
    this.links[node] = {
      wire,
      up: false,
      dialledBy: 'local',
      linkNumber: wire.number,
      incarnation: null,
    };
  }

  /** This end's kernel gives its link up; the other end hears of it later. */
  lose(node: number): void {
    const link = this.links[node];
    if (link == null) return;
    this.#abort(node, link.wire);
    this.links[node] = null;
  }

  deliver(choice: number): boolean {
    const queues = this.wires.flatMap((wire) => [
      ...(wire.toAcceptor.length > 0
        ? [{ wire, at: 1 - wire.dialler, queue: wire.toAcceptor }]
        : []),
      ...(wire.toDialler.length > 0 ? [{ wire, at: wire.dialler, queue: wire.toDialler }] : []),
    ]);
    const chosen = queues[choice % queues.length];
    if (chosen === undefined) return false;
    this.#handle(chosen.at, chosen.wire, chosen.queue.shift()!);
    return true;
  }

  #abort(node: number, wire: Wire): void {
    if (wire.dialler === node) wire.toAcceptor.push('abort');
    else wire.toDialler.push('abort');
  }

  #handle(node: number, wire: Wire, what: Wire['toAcceptor'][0] | Wire['toDialler'][0]): void {
    const link = this.links[node];
    if (what === 'response') {
      this.#authenticated(node, wire);
    } else if (link?.wire !== wire) {
      // Nothing is kept of a link that was given up.
    } else if (what === 'welcome') {
      this.links[node] = { ...link, up: true, incarnation: 1n };
      this.highest[node] = Math.max(this.highest[node]!, wire.number);
    } else {
      this.links[node] = null;
    }
  }

  #authenticated(node: number, wire: Wire): void {
    const existing = this.links[node] ?? null;
    const link = { dialledBy: 'peer', linkNumber: wire.number, incarnation: 1n } as const;
    const decided = arbitrate(this.names[node]!, this.names[1 - node]!, existing, link);
    if (decided.verdict === 'refuse') {
      wire.toDialler.push('refuse');
      return;
    }
    assert.notEqual(decided.verdict, 'probe-old');
    if (existing !== null) this.#abort(node, existing.wire);
    this.links[node] = { ...link, up: true, wire };
    this.highest[node] = Math.max(this.highest[node]!, wire.number);
    wire.toDialler.push('welcome');
  }
}

const SEED = 20_240_817;

test(`a simultaneous dial leaves both ends the same single link (seed ${SEED})`, () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(6), { maxLength: 12 }),
      fc.nat(4),
      fc.nat(4),
      (order, known0, known1) => {
        const model = new Model();
        model.highest[0] = known0;
        model.highest[1] = known1;
        model.dial(0);
        for (const choice of order) if (choice < 6) model.deliver(choice);
        model.dial(1);
        for (const choice of order) model.deliver(choice);
        while (model.deliver(0));
        const [first, second] = model.links;
        assert.ok(first?.up && second?.up, 'there is a link');
        assert.equal(first.wire.id, second.wire.id);
      },
    ),
    { seed: SEED, numRuns: 5000 },
  );
});

test(`with losses and redials both ends hold the same link or none (seed ${SEED})`, () => {
  const event = fc.oneof(
    { weight: 2, arbitrary: fc.record({ do: fc.constant('dial' as const), n: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), n: fc.nat(1) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), n: fc.nat(9) }) },
  );
  let linked = 0;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.nat(9), (events, last) => {
      const model = new Model();
      for (const { do: what, n } of events) model[what](n);
      while (model.deliver(last));
      const [first, second] = model.links;
      assert.equal(first?.wire.id, second?.wire.id);
      assert.equal(first?.up, second?.up);
      if (first != null) linked++;
      // And whoever dials again gets a link.
      model.dial(0);
      model.dial(1);
      while (model.deliver(last));
      assert.ok(model.links[0]?.up && model.links[0].wire === model.links[1]?.wire);
    }),
    { seed: SEED, numRuns: 5000 },
  );
  assert.ok(linked > 1000, 'the property is not about empty cases');
});
