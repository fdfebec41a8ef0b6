/** The configuration of a running node, asked through its control socket. */
import type {
  ConfigCommandOptions,
  ConfigEpoch,
  ConfigMaster,
  ConfigStatus,
  ConfigWritten,
  MastersCommand,
  MastersPlan,
  Seen,
} from '../cluster.js';
import { CONFIG_CONTROL, type WireAsideSet, type WireItem } from '../config/control.js';
import type { EffectiveValue } from '../config/effective.js';
import { type CheckedTransaction, encodeTransaction } from '../config/transaction.js';
import { type Change, type Item, Tree } from '../config/tree.js';
import { limits } from '../limits.js';
import { postControl } from '../observe/control-post-client.js';

/** Which revision is read. */
export interface RemoteReadOptions {
  readonly revision?: number;
  readonly fresh?: boolean;
}

/** What is read, and where that is from. */
export interface RemoteRead<T> {
  readonly seen: Seen;
  readonly found: readonly T[];
}

/** What a watch tells, with values as they are encoded. */
export type RemoteEvent =
  | { readonly type: 'compacted' }
  | { readonly type: 'changes'; readonly revision: number; readonly changes: readonly Change[] }
  | {
      readonly type: 'snapshot';
      readonly revision: number;
      readonly isLast: boolean;
      readonly items: readonly Item[];
    };

/** The status of a replica and its masters. */
export interface RemoteStatus {
  readonly status: ConfigStatus;
  readonly masters: readonly ConfigMaster[];
}

/** How long a node has besides what it was given for the request itself. */
const GRACE_MS = limits.controlMs;

export class RemoteConfig {
  readonly #path: string;

  /** @param path of the control socket */
  constructor(path: string) {
    this.#path = path;
  }

  status(): Promise<RemoteStatus> {
    return this.#one({ ask: 'status' });
  }

  /** What the store of the node has set aside. */
  async aside(): Promise<readonly WireAsideSet[]> {
    const sets: WireAsideSet[] = [];
    const options = { deadlineMs: READ_MS };
    for await (const line of postControl(this.#path, CONFIG_CONTROL, { ask: 'aside' }, options)) {
      sets.push(line as WireAsideSet);
    }
    return sets;
  }

  /** What a prefix holds. */
  async items(prefix: string, options: RemoteReadOptions = {}): Promise<RemoteRead<Item>> {
    const { seen, found } = await this.#read<WireItem>({ ask: 'items', prefix, ...options });
    return { seen, found: found.map((item) => changeOf(item) as Item) };
  }

  /** The same as a tree, which holds nothing else. */
  async tree(prefix: string, options: RemoteReadOptions = {}): Promise<Tree> {
    const { seen, found } = await this.items(prefix, options);
    const tree = new Tree(seen.revision);
    for (const item of found) tree.load(item);
    return tree;
  }

  /** What holds for a host or a node. */
  async effective(
    prefix: string,
    options: RemoteReadOptions = {},
  ): Promise<RemoteRead<EffectiveValue>> {
    const asked = { ask: 'effective', prefix, ...options };
    const { seen, found } = await this.#read<EffectiveValue & { value: string }>(asked);
    return { seen, found: found.map((each) => ({ ...each, value: bytesOf(each.value) })) };
  }

  /** What became of a key. */
  async history(key: string): Promise<RemoteRead<Change>> {
    const { seen, found } = await this.#read<WireItem>({ ask: 'history', key });
    return { seen, found: found.map(changeOf) };
  }

  /** What happens below a prefix, until the signal. */
  async *watch(
    prefix: string,
    after: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<RemoteEvent, void, undefined> {
    const asked = { ask: 'watch', prefix, ...(after === undefined ? {} : { after }) };
    const lines = postControl(this.#path, CONFIG_CONTROL, asked, { deadlineMs: 0, signal });
    for await (const line of lines) yield eventOf(line as { type: string });
  }

  write(transaction: CheckedTransaction, deadlineMs: number): Promise<ConfigWritten> {
    const encoded = encodeTransaction(transaction).toString('base64');
    return this.#one({ ask: 'write', transaction: encoded, deadlineMs }, deadlineMs);
  }

  plan(command: MastersCommand): Promise<MastersPlan> {
    return this.#one({ ask: 'plan', command });
  }

  command(
    command: MastersCommand,
    options: ConfigCommandOptions & { readonly deadlineMs: number },
  ): Promise<ConfigEpoch> {
    return this.#one({ ask: 'command', command, ...options }, options.deadlineMs);
  }

  async #one<T>(asked: object, deadlineMs = 0): Promise<T> {
    const options = { deadlineMs: deadlineMs + GRACE_MS };
    let answer: unknown;
    for await (const line of postControl(this.#path, CONFIG_CONTROL, asked, options)) answer = line;
    return answer as T;
  }

  async #read<T>(asked: object): Promise<RemoteRead<T>> {
    const found: T[] = [];
    let seen: Seen | null = null;
    const options = { deadlineMs: READ_MS };
    for await (const line of postControl(this.#path, CONFIG_CONTROL, asked, options)) {
      if (seen === null) seen = line as Seen;
      else found.push(line as T);
    }
    return { seen: seen as unknown as Seen, found };
  }
}

/** A whole configuration may take a while. */
const READ_MS = 60_000;

function changeOf({ value, ...rest }: WireItem): Change {
  return { ...rest, value: value === null ? null : bytesOf(value) } as Change;
}

function bytesOf(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}

function eventOf(line: { readonly type: string }): RemoteEvent {
  const event = line as RemoteEvent & {
    readonly changes?: readonly WireItem[];
    readonly items?: readonly WireItem[];
  };
  if (event.type === 'changes') {
    return { ...event, changes: (event.changes as unknown as WireItem[]).map(changeOf) };
  }
  if (event.type === 'snapshot') {
    const items = (event.items as unknown as WireItem[]).map(changeOf) as Item[];
    return { ...event, items };
  }
  return { type: 'compacted' };
}
