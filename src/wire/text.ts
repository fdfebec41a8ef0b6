/**
 * Text that can be sent: UTF-8 has no half of a surrogate pair.
 *
 * In every engine this package runs on (Node 20 has V8 11.3), but not yet in the library of the
 * language level we compile for.
 */
interface WellFormedString {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** Whether a text has no half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormedString).isWellFormed();
}

/** The text with U+FFFD in place of each half. */
export function wellFormed(text: string): string {
  return (text as unknown as WellFormedString).toWellFormed();
}
