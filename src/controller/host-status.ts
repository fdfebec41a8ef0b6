/** What a controller tells of its host, and how what another one told is read. */
import type { ReplicaRole } from '../config/replica-io.js';
import type { PathState } from '../link/carrier.js';
import type { ClusterCondition } from './cluster-state.js';

/** One path of a link. */
export interface PathStatus {
  readonly plane: string;
  /** The peer's address. */
  readonly address: string;
  readonly state: PathState;
  readonly isPrimary: boolean;
  readonly rttMs: number;
  /** Why it is gray: up, but slow or lossy. */
  readonly gray: readonly string[];
}

/** A link of a controller with another one. */
export interface LinkStatus {
  /** Full name of the node. */
  readonly name: string;
  readonly isStalled: boolean;
  /** Every plane has an active path. */
  readonly isRedundant: boolean;
  readonly paths: readonly PathStatus[];
}

/** Something that is wrong at a host. */
export interface AlarmStatus {
  readonly severity: string;
  readonly code: string;
  /** What it is about: the name of a node, for one. */
  readonly object: string;
  readonly plane: string | null;
  readonly text: string;
  /** ISO 8601. */
  readonly since: string;
}

/** A worker of a host. */
export interface WorkerStatus {
  readonly name: string;
  readonly group: string;
  /** `ready`, `starting`, `given-up` and others: see `WorkerState`. */
  readonly state: string;
  /** Since when it is so; ISO 8601. */
  readonly since: string;
  /** Null where it has no process. */
  readonly pid: number | null;
  /** Restarts after failures. */
  readonly restarts: number;
  /** What it says of itself. */
  readonly text: string;
  /** How its last process ended; null: none has. */
  readonly ending: string | null;
  /** An operator has stopped it. */
  readonly isHeld: boolean;
}

/** What a controller tells of itself and its host. */
export interface HostStatus {
  readonly host: string;
  readonly incarnation: string;
  readonly pid: number;
  readonly version: string;
  /** Since when this controller runs; ISO 8601. */
  readonly since: string;
  readonly role: ReplicaRole;
  readonly epoch: number | null;
  readonly lineage: string | null;
  readonly clusterId: string | null;
  /** Full names, the sequencer first. */
  readonly masters: readonly string[];
  /** What is read here; null: nothing yet. */
  readonly revision: number | null;
  /** The cluster, as this host sees it. */
  readonly condition: ClusterCondition;
  readonly conditionSince: string;
  readonly why: string;
  readonly missing: readonly string[];
  readonly isDrained: boolean;
  readonly planes: readonly { readonly name: string; readonly address: string }[];
  /** With other controllers, in the order of their names. */
  readonly links: readonly LinkStatus[];
  /** Workers of this host that have joined as nodes, by their names without the host. */
  readonly nodes: readonly string[];
  readonly workers: readonly WorkerStatus[];
  /** Descriptions of workers that cannot be used, and why. */
  readonly problems: readonly string[];
  readonly alarms: readonly AlarmStatus[];
}

type Shape = Readonly<
  Record<string, 'string' | 'number' | 'boolean' | 'list' | 'text?' | 'number?'>
>;

const STATUS: Shape = {
  host: 'string',
  incarnation: 'string',
  pid: 'number',
  version: 'string',
  since: 'string',
  role: 'string',
  epoch: 'number?',
  lineage: 'text?',
  clusterId: 'text?',
  masters: 'list',
  revision: 'number?',
  condition: 'string',
  conditionSince: 'string',
  why: 'string',
  missing: 'list',
  isDrained: 'boolean',
  planes: 'list',
  links: 'list',
  nodes: 'list',
  workers: 'list',
  problems: 'list',
  alarms: 'list',
};
const PLANE: Shape = { name: 'string', address: 'string' };
const LINK: Shape = { name: 'string', isStalled: 'boolean', isRedundant: 'boolean', paths: 'list' };
const PATH: Shape = {
  plane: 'string',
  address: 'string',
  state: 'string',
  isPrimary: 'boolean',
  rttMs: 'number',
  gray: 'list',
};
const WORKER: Shape = {
  name: 'string',
  group: 'string',
  state: 'string',
  since: 'string',
  pid: 'number?',
  restarts: 'number',
  text: 'string',
  ending: 'text?',
  isHeld: 'boolean',
};
const ALARM: Shape = {
  severity: 'string',
  code: 'string',
  object: 'string',
  plane: 'text?',
  text: 'string',
  since: 'string',
};

/** As it travels: bytes, which may be far more than a body of any other kind. */
export function encodeHostStatus(status: HostStatus): Buffer {
  return Buffer.from(JSON.stringify(status));
}

/**
 * The status that another controller told; null where it is none. Fields that are not known here
 * are let through: a newer controller may tell more.
 */
export function readHostStatus(body: unknown, host: string): HostStatus | null {
  const value = Buffer.isBuffer(body) ? parsed(body.toString()) : null;
  if (!fits(value, STATUS)) return null;
  const status = value as HostStatus;
  const areTexts = [status.masters, status.missing, status.nodes, status.problems].every((list) =>
    list.every(isText),
  );
  const isSound =
    status.host === host &&
    areTexts &&
    status.planes.every((plane) => fits(plane, PLANE)) &&
    status.workers.every((worker) => fits(worker, WORKER)) &&
    status.alarms.every((alarm) => fits(alarm, ALARM)) &&
    status.links.every((link) => fits(link, LINK) && link.paths.every(isPath));
  return isSound ? status : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isPath(path: PathStatus): boolean {
  return fits(path, PATH) && path.gray.every(isText);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function fits(value: unknown, shape: Shape): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(shape).every(([name, kind]) => {
    const field = fields[name];
    if (kind === 'list') return Array.isArray(field);
    if (kind === 'text?') return field === null || typeof field === 'string';
    if (kind === 'number?') return field === null || typeof field === 'number';
    return typeof field === kind;
  });
}
