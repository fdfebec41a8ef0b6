/** What attacks on a handshake are made of. */
import { FrameType, HEADER_BYTES } from '../../src/wire/frame.js';
import {
  decodeHandshakeFrame,
  encodeIntroduction,
  type Introduction,
} from '../../src/wire/handshake-frames.js';
import type { Dice } from './dice.js';
import { converse, type Disguise, Impostor, relay } from './impostor.js';
import {
  codeOf,
  introductionOf,
  type Role,
  type Step,
  stepOf,
  type Victim,
  type World,
} from './victims.js';

/** How one attempt ended. */
export interface Attempt {
  readonly accepted: boolean;
  /** Code with which it was refused, or `silent`. */
  readonly code: string;
}

/** One way to attack the end that plays `role`. */
export interface Attack {
  readonly kind: string;
  readonly roles: readonly Role[];
  run(world: World, role: Role, dice: Dice): Promise<Attempt>;
}

const BOTH: readonly Role[] = ['acceptor', 'dialler'];

/** One victim and an attacker. */
export function alone(
  kind: string,
  play: (victim: Victim, dice: Dice, world: World) => Promise<void>,
  roles = BOTH,
): Attack {
  return {
    kind,
    roles,
    async run(world, role, dice) {
      const victim = await world.open(role, dice);
      await play(victim, dice, world);
      const attempt = { accepted: victim.letIn, code: codeOf(victim) };
      await victim.close();
      return attempt;
    },
  };
}

/** An impostor with one thing wrong. */
export function disguised(
  kind: string,
  disguise: (dice: Dice, victim: Victim) => Disguise,
): Attack {
  return alone(kind, (victim, dice) =>
    converse(victim, new Impostor(victim, dice, disguise(dice, victim))),
  );
}

/** Two victims who mean each other, and an attacker between them who changes what `role` hears. */
export function between(
  kind: string,
  change: (frame: Buffer, step: Step, dice: Dice) => Buffer,
  steps: readonly Step[] = ['hello', 'challenge', 'response', 'welcome'],
): Attack {
  return {
    kind,
    roles: BOTH,
    async run(world, role, dice) {
      const heard = role === 'acceptor' ? ['hello', 'response'] : ['challenge', 'welcome'];
      const changed = dice.pick(steps.filter((step) => heard.includes(step)));
      const dialler = await world.open('dialler', dice);
      const acceptor = await world.open('acceptor', dice);
      await relay(dialler, acceptor, (frame, step) =>
        step === changed ? change(frame, step, dice) : frame,
      );
      // Before the WELCOME the acceptor has had an honest proof from an honest dialler.
      const accepted = dialler.letIn || (changed !== 'welcome' && acceptor.letIn);
      const [refusal] = [acceptor, dialler].map(codeOf).filter((code) => code !== 'silent');
      await dialler.close();
      await acceptor.close();
      return { accepted, code: refusal ?? 'silent' };
    },
  };
}

/** An introduction, changed on its way. */
export function rewrite(
  frame: Buffer,
  change: (from: Introduction) => Partial<Introduction>,
): Buffer {
  const decoded = decodeHandshakeFrame(frame);
  if (!('introduction' in decoded)) throw new Error('not an introduction');
  const { type, introduction } = decoded;
  return encodeIntroduction(type, { ...introduction, ...change(introduction) });
}

/** The same bytes as a frame of another type. */
function retyped(frame: Buffer, type: number): Buffer {
  const copy = Buffer.from(frame);
  copy[3] = type;
  return copy;
}

/** What the victim says, under the type it waits for. */
export function reflection(frame: Buffer): Buffer {
  const types = {
    hello: FrameType.challenge,
    challenge: FrameType.hello,
    response: FrameType.welcome,
    welcome: FrameType.response,
  } as const;
  const step = stepOf(frame);
  return step in types ? retyped(frame, types[step as keyof typeof types]) : frame;
}

/** Other bytes of another length, whose header may or may not agree. */
function resized(frame: Buffer, length: number, dice: Dice): Buffer {
  const added = dice.bytes(Math.max(0, length - frame.length));
  const changed = Buffer.concat([frame, added]).subarray(0, length);
  if (length >= HEADER_BYTES && dice.below(2) === 0) changed.writeUInt32BE(length, 4);
  return changed;
}

/** Cuts or lengthens one of the two frames of an impostor that is honest but for that. */
export function misshapen(kind: string, lengthOf: (frame: Buffer, dice: Dice) => number): Attack {
  return alone(kind, async (victim, dice) => {
    const changed = dice.pick(['introduction', 'proof'] as const);
    await converse(victim, new Impostor(victim, dice), (frame, step) =>
      step === changed ? resized(frame, lengthOf(frame, dice), dice) : frame,
    );
  });
}

/** The frames of honest handshakes, as somebody heard them who listened. */
interface Recording {
  readonly introduction: Readonly<Record<Role, Buffer>>;
  readonly proof: Readonly<Record<Role, Buffer>>;
}

const RECORDINGS = 16;
const recordings = new WeakMap<World, Recording[]>();

/** One of so many recordings, which are made before anybody is attacked. */
async function recorded(world: World, dice: Dice): Promise<Recording> {
  const known = recordings.get(world) ?? [];
  recordings.set(world, known);
  if (known.length < RECORDINGS) known.push(await record(world, dice));
  return dice.pick(known);
}

/** A session of the same two ends, played to a victim again: its introduction and its proof. */
export function replaying(
  kind: string,
  play: (victim: Victim, introduction: Buffer, proof: Buffer, dice: Dice) => Promise<void>,
): Attack {
  return {
    kind,
    roles: BOTH,
    async run(world, role, dice) {
      const { introduction, proof } = await recorded(world, dice);
      return alone(kind, (victim) => {
        const heard = introductionOf(victim);
        const wanted = heard === null ? null : decodeHandshakeFrame(heard);
        // A CHALLENGE for another link would be refused for that alone.
        const change =
          wanted !== null && 'introduction' in wanted
            ? { linkNumber: wanted.introduction.linkNumber }
            : {};
        return play(
          victim,
          rewrite(introduction[role], () => change),
          proof[role],
          dice,
        );
      }).run(world, role, dice);
    },
  };
}

async function record(world: World, dice: Dice): Promise<Recording> {
  const dialler = await world.open('dialler', dice);
  const acceptor = await world.open('acceptor', dice);
  const heard = new Map<Step, Buffer>();
  await relay(dialler, acceptor, (frame, step) => {
    heard.set(step, Buffer.from(frame));
    return frame;
  });
  await dialler.close();
  await acceptor.close();
  const [hello, challenge, response, welcome] = (
    ['hello', 'challenge', 'response', 'welcome'] as const
  ).map((step) => heard.get(step)!) as [Buffer, Buffer, Buffer, Buffer];
  return {
    introduction: { acceptor: hello, dialler: challenge },
    proof: { acceptor: response, dialler: welcome },
  };
}
