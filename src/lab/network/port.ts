/**
 * One cable of the lab: the host's end, the switch's end, and how they are brought from one state
 * to another.
 */
import type { NativeLab, NativeNamespace, NativeRequests } from '../native.js';
import { type Direction, type Fault, healthyPort, type PortState, withFault } from './faults.js';
import { bridgeIndex, hostPortIndex, switchPortIndex } from './plan.js';

export interface PortPlace {
  readonly plane: number;
  readonly host: number;
  readonly hostSpace: NativeNamespace;
  readonly switchSpace: NativeNamespace;
}

/** Requests for one of the two ends. */
interface Step {
  readonly space: NativeNamespace;
  readonly requests: NativeRequests;
}

export class Port {
  /** Without faults: what was asked for by `impair`. */
  #base: PortState = healthyPort;
  #state: PortState = healthyPort;
  readonly #faults = new Map<Fault, Direction>();

  constructor(
    private readonly lab: NativeLab,
    private readonly place: PortPlace,
  ) {}

  get faults(): readonly Fault[] {
    return [...this.#faults.keys()];
  }

  /**
   * Each of these three returns the moment before the first request, in ms of `process.hrtime`;
   * null: nothing to do.
   */
  cut(fault: Fault, direction: Direction): number | null {
    this.#faults.set(fault, direction);
    return this.#settle();
  }

  heal(): number | null {
    this.#faults.clear();
    return this.#settle();
  }

  impair(change: Partial<Pick<PortState, 'toHost' | 'fromHost'>>): number | null {
    this.#base = { ...this.#base, ...change };
    return this.#settle();
  }

  #settle(): number | null {
    let next = this.#base;
    for (const [fault, direction] of this.#faults) next = withFault(next, fault, direction);
    // Written first, then sent one right after the other.
    const steps = this.#steps(this.#state, next);
    const times = steps.map(({ space, requests }) => requests.send(space));
    this.#state = next;
    return times[0] ?? null;
  }

  #steps(from: PortState, to: PortState): Step[] {
    const { plane, host, hostSpace, switchSpace } = this.place;
    const steps: Step[] = [];
    const step = (space: NativeNamespace, write: (requests: NativeRequests) => unknown) => {
      const requests = new this.lab.Requests();
      write(requests);
      steps.push({ space, requests });
    };
    if (from.hostEndUp !== to.hostEndUp) {
      step(hostSpace, (r) => r.setLink(hostPortIndex(plane), to.hostEndUp));
    }
    if (from.inSwitch !== to.inSwitch) {
      step(switchSpace, (r) => r.setMaster(switchPortIndex(host), to.inSwitch ? bridgeIndex : 0));
    }
    if (from.toHost !== to.toHost) {
      step(switchSpace, (r) => shape(r, switchPortIndex(host), to.toHost));
    }
    if (from.fromHost !== to.fromHost) {
      step(hostSpace, (r) => shape(r, hostPortIndex(plane), to.fromHost));
    }
    return steps;
  }
}

function shape(requests: NativeRequests, index: number, impairment: PortState['toHost']): void {
  if (impairment === null) requests.clearImpairment(index);
  else {
    const { lossShare = 0, delayMs = 0, jitterMs = 0 } = impairment;
    requests.setImpairment(index, lossShare, delayMs, jitterMs);
  }
}
