/** The time of day, for people to read: nothing is ever decided by it. */

/** Milliseconds since 1970. */
export function wallMs(): number {
  return Date.now();
}
