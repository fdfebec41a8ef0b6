/** Watches one node: feeds its events to the machine of alarms, and tells what comes of them. */
import { EventEmitter } from 'node:events';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { Alarm as Deadline } from '../node/alarm.js';
import type { PathView } from '../node/events.js';
import type { ClusterNode } from '../node/node.js';
import { OTHER_PEERS } from '../node/traffic.js';
import { alarmCodes } from './alarm-codes.js';
import { type Alarm, type AlarmInput, type AlarmSignal, Alarms } from './alarms.js';
import type { ObservedConfig } from './observed-config.js';

/** Events of an `AlarmWatch`. */
export interface AlarmEvents {
  raise: [alarm: Alarm];
  clear: [alarm: Alarm];
}

/** How a node is watched. */
export interface AlarmWatchOptions {
  /** The time of day, milliseconds since 1970, for `since` and `cleared`. Default `Date.now`. */
  readonly wallMs?: () => number;
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'wallMs'> : never;

/**
 * The alarms of a node, from `watchAlarms`. Events: `raise` and `clear`, each with the alarm. None
 * must be listened to. It ends with its node.
 */
export class AlarmWatch extends EventEmitter<AlarmEvents> {
  readonly #node: ClusterNode;
  readonly #alarms: Alarms;
  readonly #wallMs: () => number;
  readonly #deadline: Deadline;
  readonly #forget: () => void;
  #sampling: { cancel(): void } | null = null;
  #configuration: ObservedConfig | null = null;

  /** @internal Use `watchAlarms`. */
  constructor(node: ClusterNode, { wallMs = Date.now }: AlarmWatchOptions) {
    super();
    this.#node = node;
    this.#wallMs = wallMs;
    this.#alarms = new Alarms(node.name);
    this.#deadline = new Deadline(unrefTimers(node.runtime), () => this.#step({ type: 'tick' }));
    this.#forget = node.observe((event, payload) => {
      this.#step({ type: 'event', event, payload, paths: this.#pathsOf(event, payload) });
      if (event === 'closed') this.close();
    });
    if (node.state !== 'closed') this.#sample();
  }

  /** Alarms that are active, the worst first, then the oldest. */
  get active(): readonly Alarm[] {
    return this.#alarms.active;
  }

  /** The last limits.alarmHistory that were cleared, the oldest first. */
  get history(): readonly Alarm[] {
    return this.#alarms.history;
  }

  /** Alarms there was no room for: of one code at most limits.alarmsPerCode are active. */
  get dropped(): number {
    return this.#alarms.dropped;
  }

  /**
   * Raises an alarm that no event raises: what the program itself has found.
   * @throws NodeError ERR_ARGUMENT: no code of the table; or object, plane or text are no text of
   *   at most limits.alarmTextBytes.
   */
  raise(signal: AlarmSignal & { readonly text: string }): void {
    const checked = checkSignal(signal);
    this.#step({ type: 'raise', ...checked, text: checkText('text', signal.text) });
  }

  /**
   * Clears by hand; without a plane, the alarms of this code and object on all planes.
   * @throws NodeError ERR_ARGUMENT, as `raise`.
   */
  clear(signal: AlarmSignal): void {
    this.#step({ type: 'clear', ...checkSignal(signal) });
  }

  /**
   * Watches the configuration of this node, too: it is looked at every limits.alarmSampleMs.
   * @returns Watches it no more, and clears its alarms. To be called before it is closed.
   */
  watchConfiguration(configuration: ObservedConfig): () => void {
    this.#configuration = configuration;
    this.#lookAtConfiguration();
    return () => {
      if (this.#configuration !== configuration) return;
      this.#configuration = null;
      this.#step({ type: 'configuration', status: null });
    };
  }

  /** Watches no more. The lists stay as they are. */
  close(): void {
    this.#forget();
    this.#deadline.set(null);
    this.#sampling?.cancel();
    this.#sampling = null;
  }

  /** Reading paths asks the kernel: only for what has to know them. */
  #pathsOf(event: string, payload: object): readonly PathView[] {
    if (event !== 'redundancy') return [];
    return this.#node.paths((payload as { readonly name: string }).name);
  }

  /** Queues tell nothing by themselves while they are full. */
  #sample(): void {
    const queues = this.#node.traffic.filter(({ name }) => name !== OTHER_PEERS);
    this.#step({ type: 'sample', queues });
    this.#lookAtConfiguration();
    this.#sampling = this.#node.runtime.timers.after(limits.alarmSampleMs, () => this.#sample(), {
      unref: true,
    });
  }

  #lookAtConfiguration(): void {
    if (this.#configuration === null) return;
    this.#step({ type: 'configuration', status: this.#configuration.status });
  }

  #step(input: WithoutTime<AlarmInput>): void {
    const { clock } = this.#node.runtime;
    this.#alarms.step(clock.nowMs(), { ...input, wallMs: this.#wallMs() } as AlarmInput);
    this.#deadline.set(this.#alarms.deadline());
    for (;;) {
      const change = this.#alarms.poll();
      if (change === null) return;
      try {
        this.emit(change.type, change.alarm);
      } catch (error) {
        // The program's own fault, and no reason to lose the changes after this one.
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }
}

/** @throws NodeError ERR_ARGUMENT. */
function checkText(name: string, text: unknown): string {
  const most = limits.alarmTextBytes;
  if (typeof text === 'string' && Buffer.byteLength(text) <= most) return text;
  throw new NodeError('ERR_ARGUMENT', `${name} of an alarm must be text of at most ${most} bytes`);
}

/** @throws NodeError ERR_ARGUMENT. */
function checkSignal(signal: unknown): AlarmSignal {
  const { code, object, plane = null } = (signal ?? {}) as Partial<AlarmSignal>;
  if (typeof code !== 'string' || !Object.hasOwn(alarmCodes, code)) {
    const given = typeof code === 'string' ? JSON.stringify(code.slice(0, 40)) : typeof code;
    const known = Object.keys(alarmCodes).join(', ');
    throw new NodeError('ERR_ARGUMENT', `code of an alarm must be one of ${known}, not ${given}`);
  }
  if (plane !== null) checkText('plane', plane);
  return { code, object: checkText('object', object), plane };
}

/** Whoever only looks on keeps no process alive. */
function unrefTimers(runtime: ClusterNode['runtime']): ClusterNode['runtime'] {
  const { clock, random, timers } = runtime;
  return {
    clock,
    random,
    timers: {
      after: (delayMs, callback) => timers.after(delayMs, callback, { unref: true }),
      soon: (callback) => timers.soon(callback),
    },
  };
}

/**
 * Watches a node from now on, best right after its start: what happened before is not known. It
 * looks at the queues every limits.alarmSampleMs, and asks the kernel for paths only when a link
 * loses a plane.
 */
export function watchAlarms(node: ClusterNode, options: AlarmWatchOptions = {}): AlarmWatch {
  return new AlarmWatch(node, options);
}
