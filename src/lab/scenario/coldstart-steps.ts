/** Steps of scenarios and demonstrations: what was expected of each, and what happened. */
import { BackplaneError, LabError } from '../../errors.js';

/** One step, as it is reported. */
export interface ColdStartStep {
  readonly name: string;
  readonly expected: string;
  readonly happened: string;
  readonly ok: boolean;
}

/** What a step finds while it is taken. */
export class Findings {
  readonly problems: string[] = [];
  readonly #said: string[] = [];

  /** Something that happened, for the report. */
  say(what: string): void {
    this.#said.push(what);
  }

  /** What must hold; where it does not, `problem` happened. */
  must(holds: boolean, problem: string): void {
    if (!holds) this.problems.push(problem);
  }

  /** What must be so. */
  same(what: string, is: unknown, expected: unknown): void {
    const [found, wanted] = [JSON.stringify(is), JSON.stringify(expected)];
    this.must(found === wanted, `${what} ${found}, not ${wanted}`);
  }

  get text(): string {
    return [...this.#said, ...this.problems.map((problem) => `WRONG: ${problem}`)].join('; ');
  }
}

export class Steps {
  readonly all: ColdStartStep[] = [];
  readonly #progress: (line: string) => void;

  constructor(progress: (line: string) => void) {
    this.#progress = progress;
  }

  /**
   * Takes all of them, until one fails: that one has told, and there is no going on.
   * @throws (rejects) what is no fault of a step.
   */
  async run(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LabError) || this.all.at(-1)?.ok !== false) throw error;
    }
  }

  /**
   * Takes one step. One in which something is wrong is noted as such.
   * @throws (rejects) what `run` rejects with, after that was noted: nothing can follow then.
   */
  async take(
    name: string,
    expected: string,
    run: (found: Findings) => Promise<void>,
  ): Promise<void> {
    const found = new Findings();
    try {
      await run(found);
    } catch (error) {
      if (error instanceof BackplaneError) found.problems.push(error.message);
      throw error;
    } finally {
      const ok = found.problems.length === 0;
      this.all.push({ name, expected, happened: found.text, ok });
      this.#progress(`${ok ? 'ok   ' : 'WRONG'} ${name}: ${found.text}`);
    }
  }
}

/** What the steps show, as sentences about those that went wrong. */
export function stepViolations(steps: readonly ColdStartStep[]): string[] {
  return steps.filter(({ ok }) => !ok).map(({ name, happened }) => `${name}: ${happened}`);
}
