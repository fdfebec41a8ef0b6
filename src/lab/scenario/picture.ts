/**
 * What a scenario shows while it runs: a line per event, and one line with the rates, redrawn in
 * place on a terminal.
 */

/** Rates of one moment. */
export interface Rates {
  /** Since traffic began. */
  readonly elapsedMs: number;
  /** SCTP and TCP packets per second that left the sending host's port on each plane. */
  readonly planes: readonly {
    readonly name: string;
    readonly perSecond: number;
    readonly cut: boolean;
  }[];
  /** Messages per second that reached the receiving program. */
  readonly receivedPerSecond: { readonly sctp: number; readonly tcp: number };
}

const BAR_CELLS = 14;

/** A bar of `BAR_CELLS` cells; full at `fullPerSecond`. */
function bar(perSecond: number, fullPerSecond: number): string {
  const cells = Math.min(BAR_CELLS, Math.round((perSecond / fullPerSecond) * BAR_CELLS));
  return '#'.repeat(cells) + '.'.repeat(BAR_CELLS - cells);
}

function rate(perSecond: number, digits: number): string {
  return `${String(Math.round(perSecond)).padStart(digits)}/s`;
}

/** The line of one moment. `fullPerSecond` is the rate of a full bar. */
export function drawRates(rates: Rates, fullPerSecond: number): string {
  const seconds = `${(rates.elapsedMs / 1000).toFixed(1).padStart(5)} s`;
  const planes = rates.planes.map((plane) => {
    const name = plane.cut ? `${plane.name} CUT` : `${plane.name}    `;
    return `${name} [${bar(plane.perSecond, fullPerSecond)}] ${rate(plane.perSecond, 5)}`;
  });
  const { sctp, tcp } = rates.receivedPerSecond;
  const received = `received: sctp ${rate(sctp, 4)}, tcp ${rate(tcp, 4)}`;
  return `${seconds}  ${planes.join('  ')}  ${received}`;
}

/** Writes to a person's screen. `redraw` false prints every rates line on a line of its own. */
export class Picture {
  readonly #write: (text: string) => void;
  readonly #redraw: boolean;
  #drawn = false;

  constructor(write: (text: string) => void, redraw: boolean) {
    this.#write = write;
    this.#redraw = redraw;
  }

  event(elapsedMs: number | null, text: string): void {
    this.#clear();
    const at = elapsedMs === null ? '       ' : `${(elapsedMs / 1000).toFixed(3).padStart(7)} s`;
    this.#write(`${at}  ${text}\n`);
  }

  rates(rates: Rates, fullPerSecond: number): void {
    this.#clear();
    this.#write(drawRates(rates, fullPerSecond) + (this.#redraw ? '' : '\n'));
    this.#drawn = this.#redraw;
  }

  #clear(): void {
    if (this.#drawn) this.#write('\r\x1b[K');
    this.#drawn = false;
  }
}
