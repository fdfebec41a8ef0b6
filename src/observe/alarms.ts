/**
 * What is wrong now: a pure machine that turns the events of a node into alarms by the table of
 * codes. An alarm is raised once and cleared once, however often its condition is met in between.
 * Bounded whatever peers and strangers do: of one code at most limits.alarmsPerCode at a time.
 */
import { limits } from '../limits.js';
import type { PathView } from '../node/events.js';
import type { Observed, ObservedEvent } from '../node/observers.js';
import {
  type AlarmCode,
  type AlarmDefinition,
  type AlarmTable,
  alarmCodes,
  type RuleContext,
  type Severity,
  type Signal,
  severities,
} from './alarm-codes.js';
import type { ObservedStatus } from './observed-config.js';

/** One alarm. Times are in UTC, ISO 8601. */
export interface Alarm {
  /** Tells it from all others of this node, also from earlier ones of the same code and object. */
  readonly id: number;
  readonly code: AlarmCode;
  readonly severity: Severity;
  /** What it is about: the full name of a node mostly; docs/runbook.md tells for each code. */
  readonly object: string;
  /** The plane, where it is about one. */
  readonly plane: string | null;
  /** What was found last; for people. */
  readonly text: string;
  /** How often its condition was met since. */
  readonly count: number;
  readonly since: string;
  /** Null while it is active. */
  readonly cleared: string | null;
}

/** An alarm was raised, or cleared. */
export interface AlarmChange {
  readonly type: 'raise' | 'clear';
  readonly alarm: Alarm;
}

/** Whom a signal by hand is about. */
export interface AlarmSignal {
  readonly code: AlarmCode;
  readonly object: string;
  readonly plane?: string | null;
}

/** What the machine is told. `wallMs` is the time of day (milliseconds since 1970), for records. */
export type AlarmInput =
  | {
      readonly type: 'event';
      readonly wallMs: number;
      readonly event: ObservedEvent;
      readonly payload: Observed<ObservedEvent>;
      /** The paths to the peer it is about. */
      readonly paths: readonly PathView[];
    }
  | {
      readonly type: 'sample';
      readonly wallMs: number;
      /** All queues; `rejected` since the node began. */
      readonly queues: readonly {
        readonly name: string;
        readonly queuedBytes: number;
        readonly rejected: number;
      }[];
    }
  | {
      readonly type: 'configuration';
      readonly wallMs: number;
      /** Null: it is watched no more. */
      readonly status: ObservedStatus | null;
    }
  | (AlarmSignal & { readonly type: 'raise'; readonly wallMs: number; readonly text: string })
  | (AlarmSignal & { readonly type: 'clear'; readonly wallMs: number })
  | { readonly type: 'tick'; readonly wallMs: number };

interface Entry {
  readonly code: string;
  readonly definition: AlarmDefinition;
  readonly object: string;
  readonly plane: string | null;
  text: string;
  count: number;
  /** Null while the condition is held. */
  alarm: { readonly id: number; readonly since: string } | null;
  /** When a held one is raised, or a quiet one cleared; null: never by itself. */
  atMs: number | null;
}

const iso = (wallMs: number) => new Date(wallMs).toISOString();

const keyOf = (object: string, plane: string | null) => JSON.stringify([object, plane]);

/** What a machine of this kind may be told beside the node's name; defaults are for production. */
export interface AlarmsOptions {
  readonly table?: AlarmTable;
}

export class Alarms {
  readonly #node: string;
  readonly #codes: ReadonlyMap<string, AlarmDefinition>;
  /** By code, then by object and plane. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #changes: AlarmChange[] = [];
  readonly #history: Alarm[] = [];
  /** By name, as the sample before had it; null before the first. */
  #rejected: ReadonlyMap<string, number> | null = null;
  #lastId = 0;
  #dropped = 0;

  /** @param node full name of the node whose alarms these are */
  constructor(node: string, { table = alarmCodes }: AlarmsOptions = {}) {
    this.#node = node;
    this.#codes = new Map(Object.entries(table));
    for (const code of this.#codes.keys()) this.#entries.set(code, new Map());
  }

  /** Those that are active, the worst first, then the oldest. */
  get active(): readonly Alarm[] {
    const all = this.#all().flatMap((entry) => view(entry, null) ?? []);
    const rank = ({ severity }: Alarm) => severities.indexOf(severity);
    return all.sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  }

  /** The last limits.alarmHistory that were cleared, the oldest first. */
  get history(): readonly Alarm[] {
    return [...this.#history];
  }

  /** Alarms there was no room for. */
  get dropped(): number {
    return this.#dropped;
  }

  step(nowMs: number, input: AlarmInput): void {
    const { wallMs } = input;
    switch (input.type) {
      case 'event':
        this.#event(nowMs, input);
        break;
      case 'sample':
        this.#sample(nowMs, wallMs, input.queues);
        break;
      case 'configuration':
        this.#configuration(nowMs, wallMs, input.status);
        break;
      case 'raise':
      case 'clear':
        this.#signal(nowMs, wallMs, input.code, byHand(input));
        break;
      case 'tick':
        break;
    }
    this.#tick(nowMs, wallMs);
  }

  /** The next change, in order; null when there is none. */
  poll(): AlarmChange | null {
    return this.#changes.shift() ?? null;
  }

  /** When it is to be stepped again at the latest; null: only when something happens. */
  deadline(): number | null {
    const times = this.#all().flatMap(({ atMs }) => atMs ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  #all(): Entry[] {
    return [...this.#entries.values()].flatMap((entries) => [...entries.values()]);
  }

  #event(
    nowMs: number,
    { wallMs, event, payload, paths }: Extract<AlarmInput, { type: 'event' }>,
  ): void {
    const context = this.#context(paths);
    for (const [code, { rules }] of this.#codes) {
      // Which event belongs to which payload is known to whoever made the input.
      const rule = rules[event] as
        | ((event: unknown, context: RuleContext) => readonly Signal[])
        | undefined;
      if (rule === undefined) continue;
      for (const signal of rule(payload, context)) this.#signal(nowMs, wallMs, code, signal);
    }
    // Nobody waits for a peer that is not wanted any more, nor for anybody when all is over.
    if (event === 'disconnected') {
      const { name } = payload as Observed<'disconnected'>;
      this.#clearWhere(wallMs, ({ object }) => object === name);
    }
    if (event === 'closed') this.#clearWhere(wallMs, () => true);
  }

  #sample(
    nowMs: number,
    wallMs: number,
    queues: Extract<AlarmInput, { type: 'sample' }>['queues'],
  ): void {
    const samples = queues.map(({ name, queuedBytes, rejected }) => {
      // What was refused before anybody looked on is no news; a name that is new begins at zero.
      const before = this.#rejected === null ? rejected : (this.#rejected.get(name) ?? 0);
      return { name, queuedBytes, newlyRejected: Math.max(0, rejected - before) };
    });
    this.#rejected = new Map(queues.map(({ name, rejected }) => [name, rejected]));
    const context = this.#context([]);
    for (const [code, { rules }] of this.#codes) {
      for (const signal of rules.sample?.(samples, context) ?? []) {
        this.#signal(nowMs, wallMs, code, signal);
      }
    }
  }

  #configuration(nowMs: number, wallMs: number, status: ObservedStatus | null): void {
    const context = this.#context([]);
    for (const [code, { rules }] of this.#codes) {
      for (const signal of rules.configuration?.(status, context) ?? []) {
        this.#signal(nowMs, wallMs, code, signal);
      }
    }
  }

  #context(paths: readonly PathView[]): RuleContext {
    const objectsOf = (code: string) =>
      Array.from(this.#entries.get(code)?.values() ?? [], ({ object }) => object);
    return {
      node: this.#node,
      paths,
      isActive: (code, object) => objectsOf(code).includes(object),
      objectsOf,
    };
  }

  #signal(nowMs: number, wallMs: number, code: string, signal: Signal): void {
    if (signal.type === 'raise') {
      this.#raise(nowMs, wallMs, code, signal);
      return;
    }
    const { object, plane } = signal;
    this.#clearWhere(
      wallMs,
      (entry) => entry.object === object && (plane === undefined || entry.plane === plane),
      [...(this.#entries.get(code)?.values() ?? [])],
    );
  }

  #raise(
    nowMs: number,
    wallMs: number,
    code: string,
    { object, plane, text }: Extract<Signal, { type: 'raise' }>,
  ): void {
    const definition = this.#codes.get(code);
    const entries = this.#entries.get(code);
    if (definition === undefined || entries === undefined) return;
    const { holdMs = 0, quietMs = null } = definition;
    const key = keyOf(object, plane);
    let entry = entries.get(key);
    if (entry === undefined) {
      if (entries.size >= limits.alarmsPerCode) {
        this.#dropped++;
        return;
      }
      entry = { code, definition, object, plane, text, count: 0, alarm: null, atMs: null };
      if (holdMs > 0) entry.atMs = nowMs + holdMs;
      entries.set(key, entry);
    }
    entry.text = text;
    entry.count++;
    if (entry.alarm === null && holdMs > 0) return;
    if (entry.alarm === null) this.#activate(wallMs, entry);
    entry.atMs = quietMs === null ? null : nowMs + quietMs;
  }

  #activate(wallMs: number, entry: Entry): void {
    this.#lastId++;
    entry.alarm = { id: this.#lastId, since: iso(wallMs) };
    const alarm = view(entry, null);
    if (alarm !== null) this.#changes.push({ type: 'raise', alarm });
  }

  #clearWhere(wallMs: number, isMeant: (entry: Entry) => boolean, among = this.#all()): void {
    for (const entry of among) {
      if (!isMeant(entry)) continue;
      this.#entries.get(entry.code)?.delete(keyOf(entry.object, entry.plane));
      const alarm = view(entry, iso(wallMs));
      if (alarm === null) continue;
      this.#history.push(alarm);
      if (this.#history.length > limits.alarmHistory) this.#history.shift();
      this.#changes.push({ type: 'clear', alarm });
    }
  }

  /** What was held for long enough is raised, what was quiet for long enough cleared. */
  #tick(nowMs: number, wallMs: number): void {
    for (const entry of this.#all()) {
      if (entry.atMs === null || nowMs < entry.atMs) continue;
      if (entry.alarm === null) {
        this.#activate(wallMs, entry);
        const { quietMs } = entry.definition;
        entry.atMs = quietMs === undefined ? null : nowMs + quietMs;
      } else {
        this.#clearWhere(wallMs, () => true, [entry]);
      }
    }
  }
}

function byHand(input: Extract<AlarmInput, { type: 'raise' | 'clear' }>): Signal {
  const { object, plane } = input;
  if (input.type === 'raise') {
    return { type: 'raise', object, plane: plane ?? null, text: input.text };
  }
  return typeof plane === 'string' ? { type: 'clear', object, plane } : { type: 'clear', object };
}

/** As it is told; null for one that is held. */
function view(
  { code, definition, object, plane, text, count, alarm }: Entry,
  cleared: string | null,
): Alarm | null {
  if (alarm === null) return null;
  const { severity } = definition;
  const { id, since } = alarm;
  // The codes of a table of tests are none of the type.
  return { id, code: code as AlarmCode, severity, object, plane, text, count, since, cleared };
}
