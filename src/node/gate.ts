/** A door that many wait at; whoever waited looks again whether it is still open. */
export class Gate {
  #isOpen = true;
  #waiting: (() => void)[] = [];

  get isOpen(): boolean {
    return this.#isOpen;
  }

  shut(): void {
    this.#isOpen = false;
  }

  open(): void {
    this.#isOpen = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const pass of waiting) pass();
  }

  /** Calls `pass` when it is opened next. */
  wait(pass: () => void): void {
    this.#waiting.push(pass);
  }
}
