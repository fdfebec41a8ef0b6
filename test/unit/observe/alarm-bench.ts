/** A machine of alarms in a time of its own, told what a node would tell it. */
import { type ErrorCode, LinkError } from '../../../src/errors.js';
import type { PathView } from '../../../src/node/events.js';
import type { Observed, ObservedEvent } from '../../../src/node/observers.js';
import type { AlarmTable } from '../../../src/observe/alarm-codes.js';
import { Alarms } from '../../../src/observe/alarms.js';

/** The node most of it is about. */
export const PEER = 'two@host2';
const START = Date.parse('2026-01-02T00:00:00.000Z');

/** A machine in a time of its own, with all its changes in words. */
export class Bench {
  readonly alarms: Alarms;
  readonly changes: string[] = [];
  nowMs = 0;

  constructor(table?: AlarmTable) {
    this.alarms = new Alarms('one@host1', table === undefined ? {} : { table });
  }

  get wallMs(): number {
    return START + this.nowMs;
  }

  event<K extends ObservedEvent>(event: K, payload: Observed<K>, paths: PathView[] = []): void {
    const { wallMs } = this;
    this.alarms.step(this.nowMs, { type: 'event', wallMs, event, payload, paths });
    this.poll();
  }

  sample(...queues: { name: string; queuedBytes: number; rejected: number }[]): void {
    this.alarms.step(this.nowMs, { type: 'sample', wallMs: this.wallMs, queues });
    this.poll();
  }

  /** Lets time pass, waking the machine whenever it wants to be. */
  pass(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      const atMs = this.alarms.deadline();
      if (atMs === null || atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.tick();
    }
    this.nowMs = endMs;
    this.tick();
  }

  tick(): void {
    this.alarms.step(this.nowMs, { type: 'tick', wallMs: this.wallMs });
    this.poll();
  }

  poll(): void {
    for (;;) {
      const change = this.alarms.poll();
      if (change === null) return;
      const { code, object, plane } = change.alarm;
      this.changes.push(`${change.type} ${code} ${object}${plane === null ? '' : ` ${plane}`}`);
    }
  }

  /** The changes since the last call. */
  take(): string[] {
    return this.changes.splice(0);
  }

  down(reason: Observed<'nodedown'>['reason'], byUs = false): void {
    this.event('nodedown', { name: PEER, incarnation: '1', reason, error: null, byUs });
  }

  up(): void {
    this.event('nodeup', { name: PEER, incarnation: '1', dialledBy: 'us', linkNumber: 1 });
  }

  dialFailed(code: ErrorCode): void {
    const error = new LinkError(code, 'why');
    this.event('dialFailed', { name: PEER, code, error, attempts: 1, retryInMs: 100 });
  }

  refused(code: ErrorCode, name: string | null, address = '10.1.0.9'): void {
    const error = new LinkError(code, 'why');
    this.event('refused', { name, address, code, error, suppressed: 0 });
  }

  redundancy(state: 'lost' | 'restored', missing: string[], unconfirmed: string[] = []): void {
    const planes = ['a', 'b'].filter((plane) => !missing.includes(plane));
    const paths = ['a', 'b'].map((plane): PathView => {
      const bad = unconfirmed.includes(plane) ? 'unconfirmed' : 'inactive';
      return {
        plane,
        address: '10.0.0.1',
        state: missing.includes(plane) ? bad : 'active',
        primary: false,
        rttMs: 0,
        rtoMs: 0,
        cwndBytes: 0,
        gray: [],
      };
    });
    this.event(
      'redundancy',
      { name: PEER, state, activePaths: planes.length, planes, missing },
      paths,
    );
  }

  path(plane: string, state: Observed<'path'>['state']): void {
    const change = state === 'active' ? 'available' : 'unreachable';
    this.event('path', { name: PEER, plane, address: 'x', change, state, primary: false });
  }
}
