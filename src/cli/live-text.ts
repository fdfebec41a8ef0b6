/** A few lines that stay at the end of the terminal and change, with other lines above them. */
import { stripVTControlCharacters } from 'node:util';

/** What is needed of a terminal. */
export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

const ESC = '\u001b';

export class LiveText {
  readonly #terminal: Terminal;
  #shown: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows these lines in the place of those before; longer ones are cut at the terminal's edge. */
  show(lines: readonly string[]): void {
    // A terminal that does not know its width says 0. A line that wraps would take two rows, and
    // the way back up would be too short.
    const width = this.#terminal.columns || 80;
    const cut = lines.map((line) => stripVTControlCharacters(line).slice(0, width));
    this.#terminal.write(`${this.#back()}${cut.map((line) => `${line}\n`).join('')}`);
    this.#shown = cut;
  }

  /** Prints a line that stays, above. */
  print(line: string): void {
    this.#terminal.write(`${this.#back()}${line}\n`);
    const shown = this.#shown;
    this.#shown = [];
    this.show(shown);
  }

  #back(): string {
    return this.#shown.length === 0 ? '' : `${ESC}[${this.#shown.length}A${ESC}[0J`;
  }
}
