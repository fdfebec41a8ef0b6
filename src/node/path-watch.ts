/**
 * Watches the paths of the links that are up: reports gray ones and, when asked for, moves the
 * primary away from them. Drives two machines for each link; decides nothing.
 */
import debug from 'debug';
import { BackplaneError } from '../errors.js';
import { type GrayChange, PathMonitor } from '../link/path-monitor.js';
import { Steering } from '../link/steering.js';
import type { Runtime } from '../runtime/index.js';
import type { Profile } from '../timing/profiles.js';
import type { Switchover } from '../timing/switchover.js';
import { Alarm } from './alarm.js';
import type { PathChanged } from './events.js';
import type { LiveLink } from './live-link.js';

const trace = debug('backplane:node:paths');

/**
 * What is done about a gray path: 'off': it is reported. 'gray': a gray primary gives way to a path
 * that is not gray.
 */
export type SteeringMode = 'off' | 'gray';

/** A sample costs four system calls with two planes. */
const SAMPLE_MIN_MS = 250;

const GRAINS_PER_SAMPLE = 20;

/**
 * How often the paths of a link under traffic are looked at; ten times that is how long noticing
 * may take.
 */
export function sampleIntervalMs({ beatMs }: Pick<Profile, 'beatMs'>): number {
  return Math.max(SAMPLE_MIN_MS, beatMs);
}

export interface PathWatchSetup {
  readonly runtime: Runtime;
  readonly steering: SteeringMode;
  readonly switchover: Switchover;
  onPath(event: PathChanged): void;
}

/** The watch over all links of a node. */
export class PathWatch {
  readonly #setup: PathWatchSetup;
  readonly #links = new Map<string, WatchedLink>();

  constructor(setup: PathWatchSetup) {
    this.#setup = setup;
  }

  /** A link is up. One whose carrier counts nothing is not watched. */
  up(live: LiveLink): void {
    if (live.carrier.statistics === undefined) return;
    this.#links.set(live.name, new WatchedLink(this.#setup, live));
  }

  /** A path event of a link, as it was told. */
  noted({ name, address, change }: PathChanged): void {
    if (change === 'gray' || change === 'clear') return;
    this.#links.get(name)?.noted(address, change);
  }

  /** A link is over. */
  down({ name }: LiveLink): void {
    this.#links.get(name)?.end();
    this.#links.delete(name);
  }
}

class WatchedLink {
  readonly #setup: PathWatchSetup;
  readonly #live: LiveLink;
  readonly #monitor: PathMonitor;
  readonly #steering: Steering | null;
  readonly #alarm: Alarm;
  /** Messages both ways until the last look. */
  #messages = 0;

  constructor(setup: PathWatchSetup, live: LiveLink) {
    const { runtime, steering, switchover } = setup;
    this.#setup = setup;
    this.#live = live;
    this.#monitor = new PathMonitor(runtime.clock.turnMs(), sampleIntervalMs(live.profile));
    this.#steering = steering === 'gray' ? new Steering(switchover) : null;
    this.#alarm = new Alarm(runtime, () => this.#look());
    this.#sleep(this.#monitor.deadline());
    live.grayReasons = (address) => this.#monitor.reasons(address);
  }

  noted(address: string, change: Exclude<PathChanged['change'], 'gray' | 'clear'>): void {
    this.#monitor.step(this.#nowMs, { type: 'path', event: { address, change } });
    this.#sleep(this.#monitor.deadline());
  }

  end(): void {
    this.#alarm.set(null);
  }

  get #nowMs(): number {
    return this.#setup.runtime.clock.turnMs();
  }

  /** Until a moment that the watches over other links have, too: each wakes the process once. */
  #sleep(untilMs: number): void {
    const grainMs = sampleIntervalMs(this.#live.profile) / GRAINS_PER_SAMPLE;
    this.#alarm.set(Math.ceil(untilMs / grainMs) * grainMs);
  }

  #look(): void {
    const nowMs = this.#nowMs;
    const { carrier, link } = this.#live;
    const statistics = carrier.statistics?.() ?? null;
    if (statistics !== null) {
      const { paths, traffic } = link;
      const messages = traffic.sentMessages + traffic.receivedMessages;
      const isQuiet = messages === this.#messages;
      this.#messages = messages;
      this.#monitor.step(nowMs, { type: 'sample', paths, statistics, isQuiet });
      for (;;) {
        const change = this.#monitor.poll();
        if (change === null) break;
        this.#tell(change);
      }
      this.#steer();
    }
    this.#sleep(Math.max(this.#monitor.deadline(), nowMs + SAMPLE_MIN_MS));
  }

  #tell({ address, change, ...figures }: GrayChange): void {
    const path = this.#live.paths.find((each) => each.address === address);
    if (path === undefined) return;
    const { plane, state, primary } = path;
    const { name } = this.#live;
    this.#setup.onPath({ name, plane, address, change, state, primary, figures });
  }

  #steer(): void {
    if (this.#steering === null) return;
    const paths = this.#live.paths.map((path) => ({ ...path, isGray: path.gray.length > 0 }));
    this.#steering.step(this.#nowMs, paths);
    const address = this.#steering.poll();
    if (address === null) return;
    try {
      this.#live.carrier.setPrimary?.(address);
    } catch (error) {
      // The path, or the association, went in this moment; the machine looks again.
      if (!(error instanceof BackplaneError)) throw error;
      trace('%s: %s is not made the primary: %s', this.#live.name, address, error.message);
    }
  }
}
