/** Judges what one master has on its disk. */
import { type Entry, readEntry } from '../../src/config/entry.js';
import { type ConfigState, loadState } from '../../src/config/state.js';
import type { StoreContents } from '../../src/config/store-contract.js';

/** A write that was acknowledged: it is on the disk of every master, at this revision, for ever. */
export interface Acknowledged {
  readonly revision: number;
  readonly requestId: string;
}

/** What was found; each list in sentences. */
export interface Judgement {
  readonly missing: readonly string[];
  readonly half: readonly string[];
  readonly entries: readonly Entry[];
}

/**
 * @param written what was acknowledged so far, not longer ago than request ids are remembered
 * @param pairs keys that no write changes one by one
 */
export function judge(
  contents: StoreContents,
  written: readonly Acknowledged[],
  pairs: readonly (readonly string[])[],
): Judgement {
  const { base, items, committed } = contents;
  const entries = contents.log.map((bytes) => readEntry(Buffer.from(bytes)));
  const state = loadState(base.revision, items) as ConfigState;
  for (const entry of entries.slice(0, committed - base.revision)) state.apply(entry);
  const half = pairs.flatMap((keys) => {
    const [one, other] = keys.map((key) => state.tree.get(key)?.value?.toString('hex'));
    return one === other ? [] : [`${keys.join(' and ')} differ`];
  });
  // What is not known there to be committed is there all the same, if it was acknowledged.
  for (const entry of entries.slice(committed - base.revision)) state.apply(entry);
  const missing = written.flatMap(({ revision, requestId }) => {
    const found = state.remembered(requestId, 0);
    if (found.type === 'known' && found.revision === revision) return [];
    const what = found.type === 'known' ? `has revision ${found.revision}` : 'is not there';
    return [`a write was acknowledged as revision ${revision}, and ${what}`];
  });
  return { missing, half, entries };
}
