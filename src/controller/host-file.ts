/**
 * The host file, /etc/backplane/host.yaml: what the controller of a host has to know before it has
 * the configuration. Its schema is shipped (deploy/host.schema.json), so that editors know it, too;
 * deploy/host.yaml is an example with comments.
 */
import { dirname, resolve } from 'node:path';
import { checkerOf } from '../config/schema.js';
import type { ReadYaml } from '../config/text.js';
import { BackplaneError, ControllerError } from '../errors.js';
import { limits } from '../limits.js';
import { fullName } from '../node/names.js';
import {
  checkDistinct,
  DEFAULT_PORT,
  type NodeOptions,
  type PeerOptions,
} from '../node/options.js';
import { checkPeerAddresses, checkPeerPlanes, checkPlanes } from '../node/planes.js';
import { packagePath, readTextFile } from '../runtime/files.js';
import { hostName } from '../runtime/network.js';
import { controlIn, DEFAULT_RUN, HOST_FILE, hostFileError, readHostYaml } from './host-yaml.js';
import { CONTROLLER } from './names.js';

/** A host file, checked and complete; its paths are absolute. */
export interface HostFile extends Required<Pick<NodeOptions, 'label' | 'port'>> {
  /** Where it was read. */
  readonly path: string;
  readonly host: string;
  readonly planes: Readonly<Record<string, string>>;
  readonly keyFile: string;
  /** The controllers that are looked for first; this host's own may be one of them. */
  readonly masters: readonly PeerOptions[];
  readonly canBeMaster: boolean;
  /** Folder of the configuration. */
  readonly store: string;
  /** Folder of what runs here: sockets, output, and how it ended. */
  readonly workers: string;
  /** Path of the control socket. */
  readonly control: string;
  /** Where /metrics, /health and /ready are; null: nowhere. */
  readonly http: { readonly address: string; readonly port: number } | null;
  readonly profile: 'lan' | 'wan' | 'rfc' | 'mesh';
  readonly security: 'sealed' | 'authenticated';
  readonly loadMs: number;
}

/** What the schema lets through. */
interface Fields extends Partial<Omit<HostFile, 'path' | 'masters' | 'control' | 'http'>> {
  readonly planes: Readonly<Record<string, string>>;
  readonly masters: readonly {
    readonly host: string;
    readonly addresses: Readonly<Record<string, string>>;
    readonly port?: number;
  }[];
  readonly run?: string;
  readonly http?: string;
}

const DEFAULT_STORE = '/var/lib/backplane/store';
const DEFAULT_WORKERS = '/var/lib/backplane/workers';

/**
 * Reads a host file and fills in what it leaves out.
 * @throws (rejects) ControllerError ERR_HOST_FILE: the message has file, line, field and reason.
 */
export async function readHostFile(path: string = HOST_FILE): Promise<HostFile> {
  const file = resolve(path);
  const read = await readHostYaml(file);
  const schema = await readTextFile(packagePath('deploy/host.schema.json'), limits.configFileBytes);
  const problem = checkerOf(JSON.parse(schema) as object)(read.value);
  if (problem !== null) {
    const path = problem.path.split('/').slice(1);
    throw refused(file, read, path, problem.reason);
  }
  return complete(file, read);
}

function complete(file: string, read: ReadYaml): HostFile {
  const fields = read.value as Fields;
  const folder = dirname(file);
  const { planes, masters, port = DEFAULT_PORT, http } = fields;
  const check = checker(file, read);
  const host = fields.host ?? hostName();
  check(['host'], () => fullName(CONTROLLER, host));
  const names = check(['planes'], () => checkPlanes(planes)).map(([name]) => name);
  const peers = masters.map((master, index) => {
    const { addresses } = master;
    check(['masters', String(index), 'addresses'], () =>
      checkPeerPlanes(checkPeerAddresses(addresses), names),
    );
    const name = check(['masters', String(index), 'host'], () => fullName(CONTROLLER, master.host));
    return { name, addresses, port: master.port ?? port };
  });
  check(['masters'], () => checkDistinct(peers));
  return {
    path: file,
    host,
    planes,
    port,
    keyFile: resolve(folder, fields.keyFile ?? 'cluster.key'),
    masters: peers,
    canBeMaster: fields.canBeMaster ?? false,
    store: resolve(folder, fields.store ?? DEFAULT_STORE),
    workers: resolve(folder, fields.workers ?? DEFAULT_WORKERS),
    control: controlIn(file, fields.run ?? DEFAULT_RUN),
    http: http === undefined ? null : check(['http'], () => endpointOf(http)),
    profile: fields.profile ?? 'lan',
    label: fields.label ?? 'backplane',
    security: fields.security ?? 'sealed',
    loadMs: fields.loadMs ?? limits.configLoadMs,
  };
}

/** `127.0.0.1:9464`, `[::1]:9464`; its form is the schema's matter. */
function endpointOf(text: string): { readonly address: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (port > 65_535) throw new ControllerError('ERR_HOST_FILE', `there is no port ${port}`);
  return { address: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port };
}

/** Says of what a check throws which field it was about. */
function checker(file: string, read: ReadYaml) {
  return <T>(path: readonly string[], check: () => T): T => {
    try {
      return check();
    } catch (cause) {
      if (!(cause instanceof BackplaneError)) throw cause;
      throw refused(file, read, path, cause.message, cause);
    }
  };
}

function refused(
  file: string,
  { lineOf }: ReadYaml,
  path: readonly string[],
  reason: string,
  cause?: unknown,
): ControllerError {
  const field = path.length === 0 ? 'the file' : path.join('.');
  return hostFileError(`${file}:${lineOf(path)}: ${field}: ${reason}`, cause);
}
