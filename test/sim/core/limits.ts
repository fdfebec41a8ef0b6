/** The package's own limits, changed for a while. */
import { limits } from '../../../src/limits.js';

/** Values for some of them. */
export type LimitValues = Readonly<Partial<Record<keyof typeof limits, number>>>;

/** Sets them for as long as the world of a seed lasts; returns the way back. */
export function setLimits(values: LimitValues): () => void {
  const open = limits as unknown as Record<string, number>;
  const before = Object.keys(values).map((name) => [name, open[name]] as const);
  Object.assign(open, values);
  return () => {
    for (const [name, value] of before) open[name] = value as number;
  };
}
