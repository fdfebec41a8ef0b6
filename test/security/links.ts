/** Attacks on links that are up, by somebody who sees and changes all that goes between them. */
import { Pair } from '../unit/link/pair.js';
import type { BundleFindings } from './bundles.js';
import { Dice } from './dice.js';
import { untried } from './untried.js';

/** One SCTP message on its way. */
interface Carried {
  readonly stream: number;
  readonly data: Buffer;
}

/** What the attacker does with the next two bundles of one order key, neither delivered yet. */
interface LinkAttack {
  readonly kind: string;
  /** SCTP itself lets these come in another order, or not at all. */
  readonly reliableOnly?: boolean;
  /** What the receiver gets instead. */
  attack(bundles: readonly [Carried, Carried], dice: Dice): readonly Carried[];
  /** Which of the two messages may be handled all the same. Default: none. */
  readonly allowed?: number;
}

const attacks: readonly LinkAttack[] = [
  {
    kind: 'tampered-on-a-link',
    attack: ([{ stream, data }], dice) => [{ stream, data: dice.flip(data) }],
  },
  {
    kind: 'truncated-on-a-link',
    attack: ([{ stream, data }], dice) => [
      { stream, data: data.subarray(0, dice.below(data.length)) },
    ],
  },
  { kind: 'replayed-on-a-link', attack: ([first]) => [first, first], allowed: 1 },
  {
    kind: 'cross-stream-on-a-link',
    attack: ([{ stream, data }], dice) => [{ stream: (stream + 1 + dice.below(7)) % 8, data }],
  },
  {
    kind: 'reordered-on-a-link',
    reliableOnly: true,
    attack: ([first, second]) => [second, first],
  },
  { kind: 'dropped-on-a-link', reliableOnly: true, attack: ([, second]) => [second] },
  {
    kind: 'unsealed-on-a-link',
    attack: ([{ stream, data }], dice) => {
      const forged = Buffer.from(data);
      dice.bytes(data.length - 20).copy(forged, 20);
      return [{ stream, data: forged }];
    },
  },
];

/** Bundles of two messages of one key, held back, on a link with a past. */
class Stage {
  readonly pair: Pair;
  readonly #loose: boolean;
  #sent = 0;

  constructor(seed: string, loose: boolean, before: number) {
    this.pair = new Pair({ seed }).connect();
    this.#loose = loose;
    for (let i = 0; i < before; i++) this.#say();
  }

  #say(): void {
    const body = Buffer.from(`${this.#sent++}`);
    const message = { kind: 'send', id: 0, topic: 't', encoding: 'bytes', body } as const;
    this.pair.a.link.send(message, { orderKey: '', unordered: this.#loose });
    this.pair.settle();
  }

  hold(): readonly [Carried, Carried] {
    const held: Carried[] = [];
    this.pair.a.carrier.filter = (stream, data) => {
      held.push({ stream, data });
      return [];
    };
    this.#say();
    this.#say();
    // Stream 0 is the link's own.
    const [first, second] = held.filter(({ stream }) => stream > 0);
    if (first === undefined || second === undefined) throw new Error('no two bundles');
    return [first, second];
  }

  deliver(end: 'a' | 'b', carried: readonly Carried[]): void {
    this.pair[end].carrier.inbox.push(...carried);
    this.pair.settle();
  }

  /** Whether an end ended its link because of what it got. */
  hasEnded(end: 'a' | 'b'): boolean {
    return this.pair[end].events.includes('end lost ERR_PROTOCOL');
  }

  /** Numbers of the messages that were handled at the other end. */
  get handled(): string {
    return this.pair.b.messages.map(({ body }) => Buffer.from(body).toString()).join();
  }
}

const upTo = (count: number): string => Array.from({ length: count }, (_, i) => i).join();

/** One attack on a new link; true when anything was handled that must not be, or nobody minded. */
function isAccepted(attack: LinkAttack, dice: Dice): boolean {
  const loose = attack.reliableOnly !== true && dice.below(2) === 0;
  const before = 1 + dice.below(4);
  const stage = new Stage(dice.seed, loose, before);
  stage.deliver('b', attack.attack(stage.hold(), dice));
  return !stage.hasEnded('b') || stage.handled !== upTo(before + (attack.allowed ?? 0));
}

/** A bundle that comes back to its sender. */
function isReflectionAccepted(dice: Dice): boolean {
  const stage = new Stage(dice.seed, dice.below(2) === 0, 1 + dice.below(4));
  const [bundle] = stage.hold();
  stage.deliver('a', [bundle]);
  return !stage.hasEnded('a') || stage.pair.a.messages.length > 0;
}

/** A bundle of another link of the same two nodes, at the same place in its stream. */
function isForeignAccepted(dice: Dice): boolean {
  const loose = dice.below(2) === 0;
  const before = 1 + dice.below(4);
  const [bundle] = new Stage(`${dice.seed} other`, loose, before).hold();
  const stage = new Stage(dice.seed, loose, before);
  stage.deliver('b', [bundle]);
  return !stage.hasEnded('b') || stage.handled !== upTo(before);
}

function isHonestAccepted(dice: Dice): boolean {
  const before = 1 + dice.below(4);
  const stage = new Stage(dice.seed, dice.below(2) === 0, before);
  stage.deliver('b', stage.hold());
  return !stage.hasEnded('b') && stage.handled === upTo(before + 2);
}

const trials = [
  ...attacks.map((attack) => ({
    kind: attack.kind,
    run: (dice: Dice) => isAccepted(attack, dice),
  })),
  { kind: 'cross-direction-on-a-link', run: isReflectionAccepted },
  { kind: 'cross-session-on-a-link', run: isForeignAccepted },
];

/** Makes so many attacks, all kinds in turn, each on a link of its own. */
export function runLinks(attempts: number, seed: number): BundleFindings {
  const counts = trials.map(({ kind }) => ({ kind, attempts: 0, accepted: 0 }));
  const control = { attempts: 0, accepted: 0 };
  const violations: string[] = [];
  for (let i = 0; i < attempts; i++) {
    const total = counts[i % trials.length]!;
    total.attempts += 1;
    if (trials[i % trials.length]!.run(new Dice(`link ${seed}/${i}`))) {
      total.accepted += 1;
      if (violations.length < 20) violations.push(`${total.kind}: link ${i} went on`);
    }
    if (i % trials.length !== 0) continue;
    control.attempts += 1;
    if (isHonestAccepted(new Dice(`honest ${seed}/${i}`))) control.accepted += 1;
  }
  if (control.accepted !== control.attempts || control.attempts === 0) {
    const { accepted } = control;
    violations.push(`of ${control.attempts} links that were left alone ${accepted} worked`);
  }
  violations.push(...untried(counts));
  return { bundles: counts, control, violations };
}
