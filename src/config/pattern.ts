/**
 * Patterns of schemas, matched by RE2's algorithm: in a time that is the product of pattern and
 * text, where JavaScript's own would take longer than anybody waits for `^(a+)+$`. So there are no
 * references back and no looking around. They mean what they mean in JavaScript with the flag u,
 * but for what RE2 knows and JavaScript does not, as (?i).
 *
 * The time is counted: see `Budget`.
 */
import { RE2JS } from 're2js';
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';

/** A step of a pattern takes so much longer than one of the validator's own. */
const STEP_UNITS = 4;

/** What may be spent on checking. */
export class Budget {
  #units: number = limits.configSchemaUnits;

  /** @throws ConfigError ERR_SCHEMA: more than there is. */
  spend(units: number): void {
    this.#units -= units;
    if (this.#units >= 0) return;
    throw new ConfigError('ERR_SCHEMA', 'there is too much to check in one transaction');
  }
}

/** The steps of a pattern; a text that says why it is none. */
export function stepsOf(text: unknown): number | string {
  if (typeof text !== 'string') return 'a pattern must be a string';
  if (text.length > limits.configPatternCharacters) {
    return `a pattern has at most ${limits.configPatternCharacters} characters`;
  }
  try {
    const steps = RE2JS.compile(text).programSize();
    return steps <= limits.configPatternSteps ? steps : 'the pattern repeats too much';
  } catch (error) {
    return (error as Error).message;
  }
}

/** A pattern for the validator, which asks no more of it than this. */
export class Pattern {
  readonly #text: string;
  readonly #compiled: RE2JS;
  readonly #spend: (units: number) => void;

  /** @param spend told what a match takes, before it is tried */
  constructor(text: string, spend: (units: number) => void) {
    this.#text = text;
    this.#compiled = RE2JS.compile(text);
    this.#spend = spend;
  }

  /** Whether a part of a text matches. */
  test(text: string): boolean {
    this.#spend(STEP_UNITS * this.#compiled.programSize() * (text.length + 1));
    return this.#compiled.matcher(text).find();
  }

  /** The validator tells patterns apart by it. */
  toString(): string {
    return this.#text;
  }
}
