/** Attacks on handshakes, counted; and honest ones, without which a count of zero says nothing. */
import type { Attempt } from './attack.js';
import { attacks } from './attacks.js';
import { Dice } from './dice.js';
import { converse, Impostor, relay } from './impostor.js';
import { untried } from './untried.js';
import { machines, NodeWorld, type Role, type World } from './victims.js';

/** What came of the attacks of one kind. */
export interface KindCount {
  readonly kind: string;
  attempts: number;
  accepted: number;
  /** Attempts by the role of the end that was attacked, and those on a whole node. */
  atDialler: number;
  atAcceptor: number;
  atNode: number;
  /** Attempts by the code of the refusal; `silent` where nothing was said. */
  readonly refusals: Record<string, number>;
}

export interface HandshakeFindings {
  readonly handshakes: readonly KindCount[];
  /** Honest handshakes by the same hands: all are to be accepted. */
  readonly control: { readonly attempts: number; readonly accepted: number };
  readonly violations: readonly string[];
}

export interface HandshakeOptions {
  readonly attempts: number;
  readonly seed: number;
  /** Is told how many attempts have been made, now and then. */
  readonly told?: (attempts: number) => void;
}

/** Of so many attempts, one is made on a whole node, the others on the machine alone. */
const NODE_EVERY = 4;
/** A whole node is a new one after so many attempts on it. */
const NODE_ATTEMPTS = 2000;
/** Of so many attempts, one is honest. */
const CONTROL_EVERY = 50;
const TOLD_EVERY = 5000;

/**
 * Makes `attempts` attacks, all kinds in turn, at both roles.
 * @returns Counts per kind; a violation for each kind of which one was accepted, and one when an
 *   honest handshake was not.
 */
export async function runHandshakes(options: HandshakeOptions): Promise<HandshakeFindings> {
  const { attempts, seed, told } = options;
  const counts = new Map(attacks.map(({ kind }) => [kind, newCount(kind)]));
  const violations: string[] = [];
  const control = { attempts: 0, accepted: 0 };
  let nodes = await NodeWorld.create(seed);
  for (let i = 0; i < attempts; i++) {
    const attack = attacks[i % attacks.length]!;
    const round = Math.floor(i / attacks.length);
    const world: World = round % NODE_EVERY === 0 ? nodes : machines;
    const role = attack.roles[Math.floor(round / NODE_EVERY + round) % attack.roles.length]!;
    const attempt = await attack.run(world, role, new Dice(`${seed}/${i}`));
    count(counts.get(attack.kind)!, attempt, role, world);
    if (attempt.accepted && violations.length < 20) {
      violations.push(`${attack.kind} at the ${world.kind}'s ${role} was accepted: attempt ${i}`);
    }
    if (i % CONTROL_EVERY === 0) await honest(world, role, new Dice(`${seed}/h${i}`), control);
    if (i % (NODE_ATTEMPTS * NODE_EVERY) === 0) nodes = await NodeWorld.create(seed + i);
    if (i % TOLD_EVERY === 0) told?.(i);
  }
  if (control.accepted !== control.attempts || control.attempts === 0) {
    const { accepted } = control;
    violations.push(`of ${control.attempts} honest handshakes ${accepted} were accepted`);
  }
  violations.push(...untried([...counts.values()]));
  return { handshakes: [...counts.values()], control, violations };
}

function newCount(kind: string): KindCount {
  return {
    kind,
    attempts: 0,
    accepted: 0,
    atDialler: 0,
    atAcceptor: 0,
    atNode: 0,
    refusals: {},
  };
}

function count(total: KindCount, { accepted, code }: Attempt, role: Role, world: World): void {
  total.attempts += 1;
  if (accepted) total.accepted += 1;
  if (role === 'dialler') total.atDialler += 1;
  else total.atAcceptor += 1;
  if (world.kind === 'node') total.atNode += 1;
  total.refusals[code] = (total.refusals[code] ?? 0) + 1;
}

/** An impostor with nothing wrong, and somebody in between who changes nothing. */
async function honest(
  world: World,
  role: Role,
  dice: Dice,
  control: { attempts: number; accepted: number },
): Promise<void> {
  const victim = await world.open(role, dice);
  await converse(victim, new Impostor(victim, dice));
  control.attempts += 1;
  if (victim.letIn) control.accepted += 1;
  await victim.close();
  const dialler = await world.open('dialler', dice);
  const acceptor = await world.open('acceptor', dice);
  await relay(dialler, acceptor);
  control.attempts += 1;
  if (dialler.letIn && acceptor.letIn) control.accepted += 1;
  await dialler.close();
  await acceptor.close();
}
