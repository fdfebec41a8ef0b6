/**
 * Counts the tests of one file from what node:test reports: leaves only, as a reader counts them.
 */
import { isAbsolute, resolve } from 'node:path';
import { inspect } from 'node:util';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What is used of an event of `run()`; both reports have it, the other events have parts of it. */
export interface TestReport {
  readonly name: string;
  readonly nesting: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: {
    readonly type?: string;
    readonly error?: Error & { readonly failureType?: string };
  };
}

/** All that is known of an error, without the test runner's own frames. */
function explain(error: unknown): string {
  const isAssertion = (error as { code?: unknown } | undefined)?.code === 'ERR_ASSERTION';
  // An assertion's message shows its values already.
  const text = isAssertion ? String((error as Error).stack) : inspect(error);
  return text
    .split('\n')
    .filter((line) => !/^ +at .*node:internal/.test(line))
    .join('\n');
}

/** What came of the tests of one file. */
export class Tally {
  readonly counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  /** One text per failure, whole. */
  readonly failures: string[] = [];
  #lastNesting = 0;

  constructor(private readonly file: string) {}

  /** Reports of children come before that of their parent, which is how a parent is known. */
  pass(report: TestReport): void {
    const isParent = this.#isParent(report);
    if (isParent || report.details.type === 'suite' || this.#isFile(report)) return;
    const isLeftOut = report.skip !== undefined || report.todo !== undefined;
    if (isLeftOut && report.skip !== false) this.counts.skipped++;
    else this.counts.passed++;
  }

  fail(report: TestReport): void {
    this.#isParent(report);
    const { error } = report.details;
    // Its children have been counted, and it has no fault of its own.
    if (error?.failureType === 'subtestsFailed') return;
    this.counts.failed++;
    const name = this.#isFile(report) ? 'the file itself' : report.name;
    this.failures.push(`${name}\n${explain(error?.cause ?? error)}`);
  }

  /** A file that tests nothing says nothing, and must not look as if it did. */
  fileEnded(): void {
    const { passed, failed, skipped } = this.counts;
    if (passed + failed + skipped > 0) return;
    this.counts.failed++;
    this.failures.push('the file itself\nit holds no test');
  }

  #isParent(report: TestReport): boolean {
    const isParent = this.#lastNesting > report.nesting;
    this.#lastNesting = report.nesting;
    return isParent;
  }

  #isFile(report: TestReport): boolean {
    if (report.nesting !== 0) return false;
    return (isAbsolute(report.name) ? report.name : resolve(report.name)) === this.file;
  }
}
