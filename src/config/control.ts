/**
 * What is asked of a configuration through the control socket of its node, in JSON: the other end
 * of `backplane config` and `backplane masters`. Values travel as base64 of their encoding, so that
 * who asks gets them as they are.
 *
 * | ask | with | answers, a line each |
 * |---|---|---|
 * | status | | the status, and the masters |
 * | aside | | each set that was set aside |
 * | items | prefix, revision, fresh | lineage and revision, then each item |
 * | effective | prefix, revision, fresh | lineage and revision, then each value that holds |
 * | history | key | lineage and revision, then what became of it, the oldest first |
 * | watch | prefix, after | what a watch tells, until whoever asks is gone |
 * | write | transaction (base64), requestId, askedAt, deadlineMs | what became of it |
 * | plan | command | what it would do |
 * | command | command, by, requestId, deadlineMs | the epoch |
 */
import { ConfigError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { Config, ConfigReadOptions } from './config.js';
import { effective } from './effective.js';
import { checkKey, checkPrefix } from './path.js';
import type { MastersCommand } from './plan.js';
import type { AsideEntry, AsideSet } from './set-aside.js';
import { decodeTransaction, type Write } from './transaction.js';
import type { Change } from './tree.js';
import { encodeValue } from './value.js';
import type { ConfigView } from './view.js';

type Fields = Readonly<Record<string, unknown>>;
type Lines = AsyncIterable<unknown>;

/** An item, or a deletion (`value` is null), as it travels. */
export interface WireItem {
  readonly key: string;
  readonly value: string | null;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** A write as it travels. */
export type WireWrite =
  | Exclude<Write, { put: string }>
  | { readonly put: string; readonly value: string };

/** What was set aside, as it travels. */
export interface WireAsideSet extends Omit<AsideSet, 'entries'> {
  readonly entries: readonly (Omit<AsideEntry, 'writes'> & {
    readonly writes: readonly WireWrite[];
  })[];
}

/**
 * Answers what is asked of a configuration, for `posts` of `serveControl` at the path
 * `CONFIG_CONTROL`. Errors are ConfigErrors: ERR_ARGUMENT for what cannot be asked, and those of
 * `Config`.
 */
export function configControl(
  config: Config,
): (body: unknown, signal: AbortSignal) => Promise<unknown> | Lines {
  return (body, signal) => {
    const fields = fieldsOf(body);
    switch (fields['ask']) {
      case 'status':
        return Promise.resolve({ status: config.status, masters: config.masters.list });
      case 'aside':
        return asideLines(config);
      case 'items':
        return items(config, fields);
      case 'effective':
        return effectiveLines(config, fields);
      case 'history':
        return historyLines(config, fields);
      case 'watch':
        return watchLines(config, fields, signal);
      case 'write':
        return write(config, fields);
      case 'plan':
        return promised(() => config.masters.plan(fields['command'] as MastersCommand));
      case 'command':
        return command(config, fields);
      default:
        return promised(() => {
          throw bad('there is nothing like this to ask');
        });
    }
  };
}

/** The path on a control socket. */
export const CONFIG_CONTROL = '/config';

async function* asideLines(config: Config): AsyncGenerator<WireAsideSet, void, undefined> {
  for (const { entries, ...set } of config.masters.setAside) {
    yield {
      ...set,
      entries: entries.map(({ writes, ...rest }) => {
        return { ...rest, writes: writes.map(wireWrite) };
      }),
    };
  }
}

/** Its value travels as that of an item. */
function wireWrite(write: Write): WireWrite {
  if (!('put' in write)) return write;
  return { put: write.put, value: encodeValue(write.value).toString('base64') };
}

async function* items(config: Config, fields: Fields): AsyncGenerator<unknown, void, undefined> {
  const prefix = prefixOf(fields);
  const view = await config.read(readOptionsOf(fields));
  yield placeOf(view);
  const { revision, tree } = view;
  for (let after = ''; ; ) {
    const limit = limits.configWatchItems;
    const page = tree.range(prefix, { revision, after, limit });
    for (const item of page) yield wireItem(item);
    if (page.length < limit) return;
    after = (page.at(-1) as Change).key;
  }
}

async function* effectiveLines(config: Config, fields: Fields): AsyncGenerator<unknown> {
  const view = await config.read(readOptionsOf(fields));
  yield placeOf(view);
  for (const { value, ...rest } of effective(view.tree, prefixOf(fields), view.revision)) {
    yield { ...rest, value: value.toString('base64') };
  }
}

async function* historyLines(config: Config, fields: Fields): AsyncGenerator<unknown> {
  const key = checkKey(fields['key']);
  const view = await config.read(readOptionsOf(fields));
  yield placeOf(view);
  for (const change of view.tree.history(key, view.revision)) yield wireItem(change);
}

async function* watchLines(
  config: Config,
  fields: Fields,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const { after } = fields;
  const options = after === undefined || after === null ? {} : { after: after as number };
  const watch = config.watch(prefixOf(fields), options);
  const stop = () => watch.close();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    for await (const output of watch.outputs()) {
      if (output.type === 'compacted') yield { type: 'compacted' };
      else if (output.type === 'changes') {
        const { type, revision, changes } = output;
        yield { type, revision, changes: changes.map(wireItem) };
      } else {
        const { type, revision, isLast } = output;
        yield { type, revision, isLast, items: output.items.map(wireItem) };
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function write(config: Config, fields: Fields): Promise<unknown> {
  const { transaction, requestId, askedAt } = fields;
  if (typeof transaction !== 'string') throw bad('transaction must be base64');
  try {
    const checked = decodeTransaction(Buffer.from(transaction, 'base64'));
    return await config.commit(checked, {
      ...deadlineOf(fields),
      ...(requestId === undefined ? {} : { requestId: requestId as string }),
      ...(askedAt === undefined ? {} : { askedAt: askedAt as number }),
    });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ConfigError('ERR_ARGUMENT', error.message, { cause: error });
  }
}

async function command(config: Config, fields: Fields): Promise<unknown> {
  const { by, requestId } = fields;
  return config.masters.run(fields['command'] as MastersCommand, {
    ...deadlineOf(fields),
    ...(by === undefined ? {} : { by: by as string }),
    ...(requestId === undefined ? {} : { requestId: requestId as string }),
  });
}

function fieldsOf(body: unknown): Fields {
  return typeof body === 'object' && body !== null ? (body as Fields) : {};
}

function prefixOf(fields: Fields): string {
  return checkPrefix(fields['prefix'] ?? '');
}

function readOptionsOf(fields: Fields): ConfigReadOptions {
  const { revision, fresh } = fields;
  if (revision !== undefined && !Number.isSafeInteger(revision)) throw bad('revision is a number');
  return {
    ...deadlineOf(fields),
    ...(revision === undefined ? {} : { revision: revision as number }),
    fresh: fresh === true,
  };
}

/** It is checked where it is used. */
function deadlineOf({ deadlineMs }: Fields): { deadlineMs?: number } {
  return deadlineMs === undefined ? {} : { deadlineMs: deadlineMs as number };
}

function placeOf({ lineage, revision }: ConfigView): unknown {
  return { lineage, revision };
}

function wireItem({ key, value, createRevision, modRevision, version }: Change): WireItem {
  const text = value === null ? null : value.toString('base64');
  return { key, value: text, createRevision, modRevision, version };
}

async function promised<T>(make: () => T): Promise<T> {
  return make();
}

function bad(what: string): ConfigError {
  return new ConfigError('ERR_ARGUMENT', what);
}
