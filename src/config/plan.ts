/**
 * What an operator's command will do, in sentences, told before it is done. Nothing is decided
 * here: a machine judges a command when it comes, by all that it knows then.
 */
import type { ConfigStatus } from './config.js';

/** An operator's command, as it is given. */
export type MastersCommand =
  /** Begins the first lineage. The first master is the sequencer. */
  | { readonly type: 'bootstrap'; readonly masters: readonly string[] }
  /** One master more. */
  | { readonly type: 'add'; readonly name: string }
  /** One less. */
  | { readonly type: 'remove'; readonly name: string }
  /** Goes on without the masters that are out of touch. */
  | { readonly type: 'force' }
  /** Drops what the store of this node has set aside. */
  | { readonly type: 'forget' };

/** What a command will do. */
export interface MastersPlan {
  readonly command: MastersCommand;
  /** What will be done, and what will hold then. */
  readonly does: readonly string[];
  /** What will be lost sight of, and what has to be known before. */
  readonly warns: readonly string[];
  /** Why it would be refused, as things are seen here now. Empty: nothing is known against it. */
  readonly obstacles: readonly string[];
}

/** What a command would do now, as this node sees things. */
export function planOf(command: MastersCommand, status: ConfigStatus): MastersPlan {
  switch (command.type) {
    case 'bootstrap':
      return bootstrapPlan(command, status);
    case 'add':
      return addPlan(command, status);
    case 'remove':
      return removePlan(command, status);
    case 'force':
      return forcePlan(command, status);
    case 'forget':
      return {
        command,
        does: [`what the store of ${status.name} has set aside is dropped (${status.setAside})`],
        warns: status.setAside === 0 ? [] : ['it is not kept anywhere else'],
        obstacles: status.setAside === 0 ? ['nothing is set aside'] : [],
      };
  }
}

function bootstrapPlan(
  command: Extract<MastersCommand, { type: 'bootstrap' }>,
  { record }: ConfigStatus,
): MastersPlan {
  const { masters } = command;
  const [sequencer = 'nobody', ...others] = masters;
  return {
    command,
    does: [
      `a new, empty configuration begins: epoch 1 with ${masters.length} masters`,
      `${sequencer} is the sequencer${others.length === 0 ? '' : `, with ${others.join(', ')}`}`,
      'all of them have to be in touch, with empty stores',
    ],
    warns: masters.length === 1 ? ['with one master, its disk is the only one'] : [],
    obstacles: record === null ? [] : ['there is a configuration already'],
  };
}

function addPlan(
  command: Extract<MastersCommand, { type: 'add' }>,
  status: ConfigStatus,
): MastersPlan {
  const { name } = command;
  const { record } = status;
  const masters = record?.masters ?? [];
  const obstacles = absent(status);
  if (masters.some((master) => master.name === name)) obstacles.push(`${name} is a master already`);
  return {
    command,
    does: [
      `${name} takes all of the configuration and keeps up, then becomes a master`,
      `epoch ${(record?.epoch ?? 0) + 1}, on the disks of all, has ${masters.length + 1} masters`,
      'from then on each write waits for its disk, too',
    ],
    warns: ['whatever else its store holds is replaced'],
    obstacles,
  };
}

function removePlan(
  command: Extract<MastersCommand, { type: 'remove' }>,
  status: ConfigStatus,
): MastersPlan {
  const { name } = command;
  const { record } = status;
  const masters = record?.masters ?? [];
  const left = masters.filter((master) => master.name !== name).map((master) => master.name);
  const obstacles = absent(status);
  if (left.length === masters.length) obstacles.push(`${name} is no master`);
  if (left.length === 0) obstacles.push('it is the last master');
  const isSequencer = masters[0]?.name === name;
  return {
    command,
    does: [
      `${name} is a master no more, and stays as a slave`,
      `epoch ${(record?.epoch ?? 0) + 1} has ${left.length} masters: ${left.join(', ')}`,
      ...(isSequencer && left.length > 0 ? [`${left[0]} becomes the sequencer`] : []),
    ],
    warns: left.length === 1 ? ['with one master, its disk is the only one'] : [],
    obstacles,
  };
}

function forcePlan(
  command: Extract<MastersCommand, { type: 'force' }>,
  status: ConfigStatus,
): MastersPlan {
  const { record, role, missing, last, committed } = status;
  const isMaster = role === 'sequencer' || role === 'master';
  const atHand = (record?.masters ?? [])
    .map(({ name }) => name)
    .filter((name) => !missing.includes(name));
  // One that has made the entry by which it leaves goes on alone while nobody has heard of it.
  const left = isMaster && atHand.length === 0 ? [status.name] : atHand;
  const tail = last.revision - committed;
  return {
    command,
    does: [
      `a new lineage begins, of the masters at hand: ${left.join(', ')}`,
      `it goes on from the longest log among them; ${status.name} is at revision ${last.revision}`,
      ...(tail > 0 ? [`entries not known to be committed become so: ${tail} at this node`] : []),
      `${missing.join(', ')} ${missing.length === 1 ? 'is a master' : 'are masters'} no more`,
    ],
    warns: [
      'whatever the missing masters took and never acknowledged is lost sight of: it is set ' +
        'aside at each of them when it returns',
      'should a missing master still be used by others, by a force of theirs, then the two sides ' +
        'will refuse each other, and one has to be discarded',
    ],
    obstacles: [
      ...(record === null ? ['there is no configuration here'] : []),
      ...(record !== null && !isMaster ? ['this node is no master of this cluster'] : []),
      ...(record !== null && missing.length === 0 ? ['no master is out of reach'] : []),
    ],
  };
}

/** Why the masters could not be changed in order. */
function absent({ record, missing }: ConfigStatus): string[] {
  if (record === null) return ['there is no configuration here'];
  return missing.map((name) => `${name} is not in touch`);
}
