/** The two ends of every scenario: which host, which names, which addresses. */
import { writeFileSync } from 'node:fs';
import { systemRuntime } from '../../runtime/index.js';
import type { LabHost } from '../network/host.js';
import type { Lab } from '../network/lab.js';
import type { Role } from './protocol.js';

/** Host 1 sends, host 2 receives. */
export const SENDER = 1;
export const RECEIVER = 2;

/** What a node is told of itself and of its peer. */
export interface End {
  /** `name@host` of this node and of its peer. */
  readonly name: string;
  readonly peer: { readonly name: string; readonly addresses: readonly string[] };
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  /** This host's addresses, in the order of the planes. */
  readonly addresses: readonly string[];
}

/** The host of a role, and what its node is told. */
export function endOf(lab: Lab, role: Role): { readonly host: LabHost; readonly end: End } {
  const isSender = role === 'sender';
  const host = lab.host(isSender ? SENDER : RECEIVER);
  const far = lab.host(isSender ? RECEIVER : SENDER);
  const peerRole: Role = isSender ? 'receiver' : 'sender';
  const end: End = {
    name: `${role}@${host.name}`,
    peer: { name: `${peerRole}@${far.name}`, addresses: far.addresses },
    planes: lab.cidrs,
    addresses: host.addresses,
  };
  return { host, end };
}

/** Writes a new cluster key that only its owner can read. */
export function writeKeyFile(file: string): void {
  const key = systemRuntime.random.bytes(32).toString('base64');
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
}
