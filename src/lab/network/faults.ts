/** What can go wrong in a lab, as the state of a port that results from it. */

/**
 * - `link-down`: the host's port is down; both ends lose their carrier and the host its route.
 * - `switch-port`: the switch's port no longer forwards; the host keeps carrier and route.
 * - `switch`: the whole switch is without power; all hosts lose their carrier on that plane.
 * - `blackhole`: no frame passes the cable, either way; carrier and routes stay.
 * - `one-way`: the same in one direction.
 */
export type Fault = 'link-down' | 'switch-port' | 'switch' | 'blackhole' | 'one-way';

/** All of them, in the order of the list above. */
export const faults: readonly Fault[] = [
  'link-down',
  'switch-port',
  'switch',
  'blackhole',
  'one-way',
];

/** Which frames are meant: those that the host gets, or those that it sends. */
export type Direction = 'to-host' | 'from-host';

/** What a cable does to the frames of one direction. */
export interface Impairment {
  /** Share of frames lost, 0 to 1. Default 0. */
  readonly lossShare?: number;
  /** Default 0. */
  readonly delayMs?: number;
  /** Spread around `delayMs`; more than the distance of two frames reorders them. Default 0. */
  readonly jitterMs?: number;
}

/** How a host's cable is to be. */
export interface PortState {
  readonly hostEndUp: boolean;
  readonly inSwitch: boolean;
  /** Null: untouched. */
  readonly toHost: Impairment | null;
  readonly fromHost: Impairment | null;
}

export const healthyPort: PortState = {
  hostEndUp: true,
  inSwitch: true,
  toHost: null,
  fromHost: null,
};

const lost: Impairment = { lossShare: 1 };

/** A port in good order with this fault. A switch's fault is not the port's. */
export function withFault(state: PortState, fault: Fault, direction: Direction): PortState {
  switch (fault) {
    case 'link-down':
      return { ...state, hostEndUp: false };
    case 'switch-port':
      return { ...state, inSwitch: false };
    case 'blackhole':
      return { ...state, toHost: lost, fromHost: lost };
    case 'one-way':
      return direction === 'to-host' ? { ...state, toHost: lost } : { ...state, fromHost: lost };
    case 'switch':
      return state;
  }
}
