/**
 * Process groups as OTP's pg has them, with nodes as members: each node knows those of its peers
 * that are members, and knows it a little later than they do.
 */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { Timers } from '../runtime/index.js';
import { isWellFormed } from '../wire/text.js';
import { GROUPS_TOPIC } from './control.js';
import type { LiveLink } from './live-link.js';
import { heaviest } from './rendezvous.js';
import { SharedNames } from './shared-names.js';

export interface GroupsSetup {
  /** Of this node. */
  readonly name: string;
  readonly timers: Timers;
  /** Somebody has joined or left; also this node itself. */
  onChange(group: string, name: string, isMember: boolean): void;
}

export class Groups {
  readonly #setup: GroupsSetup;
  readonly shared: SharedNames;
  /** Of groups that have members, until one changes. */
  readonly #known = new Map<string, { readonly members: readonly string[]; turn: number }>();

  constructor(setup: GroupsSetup) {
    this.#setup = setup;
    this.shared = new SharedNames({
      what: 'groups',
      topic: GROUPS_TOPIC,
      timers: setup.timers,
      onChange: (group, { name }, isMember) => this.#changed(group, name, isMember),
    });
  }

  /** As `ClusterNode.join`. */
  join(group: string): boolean {
    const isNew = this.shared.add(checkGroup(group));
    if (isNew) this.#changed(group, this.#setup.name, true);
    return isNew;
  }

  /** As `ClusterNode.leave`. */
  leave(group: string): boolean {
    const wasMember = this.shared.remove(checkGroup(group));
    if (wasMember) this.#changed(group, this.#setup.name, false);
    return wasMember;
  }

  /** As `ClusterNode.members`. */
  members(group: string): string[] {
    return [...(this.#look(checkGroup(group))?.members ?? [])];
  }

  /** Groups that have a member. */
  get all(): string[] {
    return [...new Set([...this.shared.own, ...this.shared.held])].sort();
  }

  /** As `ClusterNode.pick`. */
  pick(group: string, key: string | undefined): string | null {
    if (key !== undefined && typeof key !== 'string') {
      throw new NodeError('ERR_ARGUMENT', 'key must be a string');
    }
    const known = this.#look(checkGroup(group));
    if (known === null) return null;
    const { members } = known;
    if (key !== undefined) return heaviest(members, key);
    known.turn = (known.turn + 1) % members.length;
    return members[known.turn] as string;
  }

  up(live: LiveLink): void {
    this.shared.up(live);
  }

  down(live: LiveLink): void {
    this.shared.down(live);
  }

  #changed(group: string, name: string, isMember: boolean): void {
    this.#known.delete(group);
    this.#setup.onChange(group, name, isMember);
  }

  /** The members, sorted; null when there are none. */
  #look(group: string): { readonly members: readonly string[]; turn: number } | null {
    const known = this.#known.get(group);
    if (known !== undefined) return known;
    const members = Array.from(this.shared.holdersOf(group), ({ name }) => name);
    if (this.shared.own.has(group)) members.push(this.#setup.name);
    if (members.length === 0) return null;
    const found = { members: members.sort(), turn: -1 };
    this.#known.set(group, found);
    return found;
  }
}

/** @throws NodeError ERR_ARGUMENT: not a string, empty, over limits.topicBytes. */
function checkGroup(group: unknown): string {
  if (typeof group === 'string' && group.length > 0 && isWellFormed(group)) {
    if (Buffer.byteLength(group) <= limits.topicBytes) return group;
  }
  throw new NodeError(
    'ERR_ARGUMENT',
    `a group is a well-formed string of 1 to ${limits.topicBytes} bytes, ` +
      `not ${JSON.stringify(group)}`,
  );
}
