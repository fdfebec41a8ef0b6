/** Attacks on the bundles of a sealed link, at its receiving half. */
import { limits } from '../../src/limits.js';
import { BUNDLE_HEADER_BYTES } from '../../src/wire/bundle.js';
import { Dice } from './dice.js';
import { Scene, TAG_BYTES } from './scene.js';
import { untried } from './untried.js';

/** What the receiving end is given, and what it must still take after. */
interface Move {
  readonly forged: Buffer;
  /** Honest bundles that were held back meanwhile. */
  readonly after?: readonly Buffer[];
}

interface BundleAttack {
  readonly kind: string;
  readonly on: 'reliable' | 'loose' | 'both';
  forge(scene: Scene): Move;
}

/** What came of the attacks of one kind. */
export interface BundleCount {
  readonly kind: string;
  attempts: number;
  accepted: number;
}

export interface BundleFindings {
  readonly bundles: readonly BundleCount[];
  /** Honest bundles by the same hands, before and after each attack: all are to be taken. */
  readonly control: { readonly attempts: number; readonly accepted: number };
  readonly violations: readonly string[];
}

/** The next bundle, changed within `[start, end)`; a negative number counts from its end. */
function tampered(part: string, start: number, end: number): BundleAttack {
  return {
    kind: `tampered-${part}`,
    on: 'both',
    forge(scene) {
      const genuine = scene.next();
      const from = start < 0 ? genuine.length + start : start;
      const to = end <= 0 ? genuine.length + end : end;
      const region = genuine.subarray(from, to);
      // A bundle without records has none that could be changed: then it is the tag.
      const at = region.length === 0 ? genuine.length - TAG_BYTES : from;
      const width = region.length === 0 ? TAG_BYTES : to - from;
      const forged = Buffer.from(genuine);
      scene.dice.flip(genuine.subarray(at, at + width)).copy(forged, at);
      return { forged, after: [genuine] };
    },
  };
}

/** A bundle that is the next one, but for what it was sealed for or what it says. */
function mistaken(
  kind: string,
  mistake: (scene: Scene) => Parameters<Scene['bundle']>,
  on: BundleAttack['on'] = 'both',
): BundleAttack {
  return { kind, on, forge: (scene) => ({ forged: scene.bundle(...mistake(scene)) }) };
}

/** The next bundle in another length, which its header tells or does not. */
function resized(kind: string, lengthOf: (genuine: Buffer, dice: Dice) => number): BundleAttack {
  return {
    kind,
    on: 'both',
    forge(scene) {
      const { dice } = scene;
      const genuine = scene.next();
      const length = lengthOf(genuine, dice);
      const more = dice.bytes(Math.max(0, length - genuine.length));
      const forged = Buffer.concat([genuine, more]).subarray(0, length);
      if (length >= BUNDLE_HEADER_BYTES && dice.below(2) === 0) forged.writeUInt32BE(length, 4);
      return { forged, after: [genuine] };
    },
  };
}

const attacks: readonly BundleAttack[] = [
  tampered('magic', 0, 2),
  tampered('layout', 2, 3),
  tampered('type', 3, 4),
  tampered('length', 4, 8),
  tampered('generation', 8, 12),
  tampered('sequence', 12, 20),
  tampered('ciphertext', BUNDLE_HEADER_BYTES, -TAG_BYTES),
  tampered('tag', -TAG_BYTES, 0),
  resized('truncated', (genuine, dice) => dice.below(genuine.length)),
  resized('lengthened', (genuine, dice) => genuine.length + 1 + dice.below(100)),
  {
    kind: 'replayed',
    on: 'both',
    forge: (scene) => ({ forged: scene.dice.pick(scene.opened) }),
  },
  {
    kind: 'replayed-from-before-the-window',
    on: 'loose',
    forge(scene) {
      const forged = scene.next();
      const sequence = scene.sequence + limits.replayWindow;
      const later = scene.bundle({ sequence }, { sequence });
      scene.sequence = sequence + 1;
      return scene.opens(later) ? { forged } : { forged, after: [later] };
    },
  },
  {
    kind: 'reordered',
    on: 'reliable',
    forge(scene) {
      const first = scene.next();
      const second = scene.next();
      return { forged: second, after: [first, second] };
    },
  },
  mistaken('cross-stream', ({ terms, dice }) => [
    { stream: (terms.stream + 1 + dice.below(63)) % 64 },
  ]),
  mistaken('cross-direction', ({ terms }) => [
    { direction: terms.direction === 'dialler' ? 'acceptor' : 'dialler' },
  ]),
  mistaken('cross-session', ({ dice }) => [
    dice.pick([
      { secret: dice.bytes(32) },
      { transcriptHash: dice.bytes(32) },
      { secret: dice.bytes(32), transcriptHash: dice.bytes(32) },
    ]),
  ]),
  mistaken('cross-generation', ({ terms, dice }) => [
    { generation: terms.generation + dice.pick([1, 2, 7]) },
  ]),
  mistaken('under-another-generation', ({ generation, dice }) => [
    {},
    { generation: generation + dice.pick([1, 2, 2 ** 31]) },
  ]),
  mistaken('skipped-generation', ({ generation, dice }) => {
    const skipped = generation + 2 + dice.below(5);
    return [{ generation: skipped }, { generation: skipped }];
  }),
  {
    kind: 'of-the-generation-before',
    on: 'reliable',
    forge(scene) {
      scene.rekey();
      scene.advance(1);
      const generation = scene.generation - 1;
      return { forged: scene.bundle({ generation }, { generation }) };
    },
  },
  {
    kind: 'of-two-generations-before',
    on: 'loose',
    forge(scene) {
      for (let i = 0; i < 2; i++) {
        scene.rekey();
        scene.advance(1);
      }
      const generation = scene.generation - 2;
      return { forged: scene.bundle({ generation }, { generation }) };
    },
  },
  mistaken('another-nonce', ({ sequence, dice }) => [{ sequence: sequence + 1 + dice.below(99) }]),
  mistaken(
    'ahead-of-its-turn',
    ({ sequence, dice }) => {
      const ahead = sequence + 1 + dice.below(2 ** 40);
      return [{ sequence: ahead }, { sequence: ahead }];
    },
    'reliable',
  ),
  mistaken('header-left-out', () => [{ withHeader: false }]),
  mistaken('of-the-other-kind', ({ loose }) => [{}, { loose: !loose }]),
  {
    kind: 'unsealed',
    on: 'both',
    forge(scene) {
      const forged = scene.bundle();
      scene.dice.bytes(forged.length - BUNDLE_HEADER_BYTES).copy(forged, BUNDLE_HEADER_BYTES);
      return { forged };
    },
  },
];

/** Makes so many attacks, all kinds in turn, each on a stream of its own. */
export function runBundles(attempts: number, seed: number): BundleFindings {
  const counts = attacks.map(({ kind }) => ({ kind, attempts: 0, accepted: 0 }));
  const violations: string[] = [];
  const control = { attempts: 0, accepted: 0 };
  for (let i = 0; i < attempts; i++) {
    const attack = attacks[i % attacks.length]!;
    const total = counts[i % attacks.length]!;
    const dice = new Dice(`bundle ${seed}/${i}`);
    const loose = attack.on === 'both' ? dice.below(2) === 0 : attack.on === 'loose';
    const scene = new Scene(loose, dice);
    for (let generations = dice.below(3); generations >= 0; generations--) {
      const before = 1 + dice.below(4);
      control.attempts += before;
      control.accepted += scene.advance(before);
      if (generations > 0) scene.rekey();
    }
    const { forged, after = [scene.next()] } = attack.forge(scene);
    const accepted = scene.opens(forged);
    total.attempts += 1;
    if (accepted) {
      total.accepted += 1;
      if (violations.length < 20) violations.push(`${attack.kind}: bundle ${i} was opened`);
      continue;
    }
    // A bundle that was refused leaves nothing behind.
    for (const genuine of after) {
      control.attempts += 1;
      if (scene.opens(genuine)) control.accepted += 1;
    }
  }
  if (control.accepted !== control.attempts || control.attempts === 0) {
    const { accepted } = control;
    violations.push(`of ${control.attempts} honest bundles ${accepted} were opened`);
  }
  violations.push(...untried(counts));
  return { bundles: counts, control, violations };
}
