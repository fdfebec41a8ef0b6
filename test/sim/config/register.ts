/** What clients saw, as histories of single keys, lineage by lineage. */
import type { Played } from './client.js';
import type { History, Known, Lineage, Step } from './history.js';
import { type Call, type Effect, isLinearizable } from './linearizable.js';

/** A lineage, and what it comes from, each up to the place where the next one left it. */
type Descent = ReadonlyMap<string, number>;

/** The first lineage and key whose history cannot be told in an order; null when all can. */
export function unexplained(history: History, played: readonly Played[]): string | null {
  const lineages = history.lineages;
  const left = new Set(lineages.map(({ first }) => first.parent?.record.lineage));
  for (const lineage of lineages) {
    // Those before it are judged with it.
    if (left.has(lineage.id)) continue;
    const descent = descentOf(history, lineage);
    for (const [key, calls] of callsByKey(history, descent, played)) {
      if (!isLinearizable(calls)) {
        return `the history of ${key} is in no order, in lineage ${lineage.id}`;
      }
    }
  }
  return null;
}

function descentOf(history: History, lineage: Lineage): Descent {
  const descent = new Map([[lineage.id, Number.POSITIVE_INFINITY]]);
  for (let at = lineage.first.parent; at !== null; ) {
    descent.set(at.record.lineage, at.entry.revision);
    at = history.lineage(at.record.lineage)?.first.parent ?? null;
  }
  return descent;
}

function callsByKey(
  history: History,
  descent: Descent,
  played: readonly Played[],
): Map<string, Call[]> {
  const calls = new Map<string, Call[]>();
  const isIn = ({ record, entry }: Known) => {
    return entry.revision <= (descent.get(record.lineage) ?? -1);
  };
  for (const one of played) {
    const { beganAt, known, requestId, steps } = one;
    const isTold = known !== null && isIn(known);
    // What was told of another lineage may have taken effect in this one as well.
    const found = isTold ? known : history.entriesOf(requestId ?? '').find(isIn);
    if (found === undefined) continue;
    // Nobody knows what came of it, but it did take effect before the first was told of it.
    const endedAt = isTold ? one.endedAt : found.toldAt;
    for (const step of steps) {
      const list = calls.get(step.key) ?? [];
      list.push({ beganAt, endedAt, ...effectOf(isTold ? one.result : null, found, step) });
      calls.set(step.key, list);
    }
  }
  return calls;
}

function effectOf(result: Played['result'], found: Known, step: Step): Effect {
  const { key, expects, value } = step;
  if (result === 'read') return { is: found.values.get(key) ?? null };
  if (result === 'failed') return expects === undefined ? {} : { isNot: expects };
  return {
    ...(expects === undefined ? {} : { is: expects }),
    ...(value === undefined ? {} : { put: value }),
  };
}
