/** The task whose dispatch is measured, as piscina wants it: a module's default export. */

/** Gives back what it is given. */
export default function nothing(value: unknown): unknown {
  return value;
}
