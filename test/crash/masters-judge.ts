/** Judges what masters have on their disks. */
import { randomBytes } from 'node:crypto';
import { type Entry, ID_DIGITS, readEntry } from '../../src/config/entry.js';
import { type ConfigState, loadState } from '../../src/config/state.js';
import { openStore } from '../../src/config/store.js';
import type { StoreContents } from '../../src/config/store-contract.js';
import { ConfigError } from '../../src/errors.js';
import { limits } from '../../src/limits.js';
import { PAIRS } from './clients.js';
import type { Loss } from './subject.js';

/** A write that was acknowledged: it is on the disk of every master, at this revision, for ever. */
export interface Acknowledged {
  readonly revision: number;
  readonly requestId: string;
}

/** Acknowledged writes that are looked for: no more than request ids are remembered. */
export const REMEMBERED = limits.configRequestIds / 2;

/** An acknowledged write that is not there, and a sentence of it. */
export interface Missing {
  readonly requestId: string;
  readonly what: string;
}

/** What was found. */
export interface Judgement {
  readonly missing: readonly Missing[];
  /** In sentences. */
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
    return [{ requestId, what: `a write was acknowledged as revision ${revision}, and ${what}` }];
  });
  return { missing, half, entries };
}

/** A master and the folder of its store. */
export interface Place {
  readonly name: string;
  readonly path: string;
}

/**
 * The stores of masters that do not run, against each other and all that was acknowledged. One that
 * does not open has lost all of it. A write is lost once, in however many of them it is not.
 */
export async function judgeStores(
  places: readonly Place[],
  written: readonly Acknowledged[],
): Promise<Loss> {
  const findings: string[] = [];
  const lost = new Set<string>();
  let half = 0;
  const hashes = new Map<number, string>();
  for (const place of places) {
    const judged = await judgeStore(place, written);
    const differing = judged.entries.flatMap(({ revision, hash }) => {
      const other = hashes.get(revision) ?? hash;
      hashes.set(revision, hash);
      return other === hash ? [] : [`entry ${revision} is not that of the others`];
    });
    for (const { requestId } of judged.missing) lost.add(requestId);
    half += judged.half.length;
    const missing = judged.missing.map(({ what }) => what);
    const all = [...missing, ...judged.half, ...differing];
    findings.push(...all.map((what) => `${place.name}: ${what}`));
  }
  return { lost: lost.size, halfApplied: half, findings };
}

async function judgeStore({ path }: Place, written: readonly Acknowledged[]): Promise<Judgement> {
  // One that was killed may not have come to make its store.
  const newId = randomBytes(ID_DIGITS / 2).toString('hex');
  try {
    const store = await openStore(path, { persisted: () => {}, failed: () => {} }, newId);
    const judgement = judge(store.contents, written, PAIRS);
    await store.close();
    return judgement;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const what = `does not open: ${error.code}, ${error.message}`;
    const missing = written.map(({ requestId }) => ({ requestId, what }));
    return { missing, half: [what], entries: [] };
  }
}
