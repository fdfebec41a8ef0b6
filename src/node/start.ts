/** From options to a running node. */
import type { LocalIdentity } from '../link/types.js';
import type { Aead } from '../runtime/crypto.js';
import { type Runtime, systemRuntime } from '../runtime/index.js';
import { hostName, localAddresses } from '../runtime/network.js';
import { addonAes256Gcm } from './addon-aead.js';
import { eventLog } from './event-log.js';
import { ClusterNode } from './node.js';
import { type Machine, type NodeOptions, resolveOptions } from './options.js';
import { sctpTransport } from './sctp-transport.js';
import type { Transport } from './transport.js';

/** What a node gets from the world; tests and simulations give another one. */
export interface World {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly machine: Machine;
  /** What seals bundles; that of the runtime by default. */
  readonly aead?: Aead;
  /** The host's addresses as they are now; those of `machine` by default. */
  localAddresses?(): Machine['addresses'];
  /** What the node says it speaks; `currentOffer` by default. */
  readonly offer?: LocalIdentity['offer'];
}

const realWorld = (): World => ({
  runtime: systemRuntime,
  transport: sctpTransport(),
  aead: addonAes256Gcm,
  machine: { hostName: hostName(), addresses: localAddresses() },
  localAddresses,
});

function loggerFailed(error: unknown): void {
  const text = error instanceof Error ? error.message : 'no Error was thrown';
  process.emitWarning(`the logger of a node failed: ${text}`, 'BackplaneWarning');
}

/**
 * Starts a node in a given world.
 * @throws (rejects) as `startNode`.
 */
export async function startNodeIn(world: World, options: NodeOptions): Promise<ClusterNode> {
  const resolved = await resolveOptions(options, world.machine);
  const { name, label, keyRing, profile, security } = resolved;
  const { runtime, transport, offer, aead } = world;
  const incarnation = runtime.random.bytes(8).readBigUInt64BE();
  const local: LocalIdentity = {
    name,
    incarnation,
    label,
    // Each handshake asks anew.
    get keys() {
      return keyRing.keys;
    },
    profile,
    security,
    ...(offer === undefined ? {} : { offer }),
  };
  const node = new ClusterNode({
    options: resolved,
    local,
    runtime,
    transport,
    aead,
    localAddresses: world.localAddresses ?? (() => world.machine.addresses),
  });
  const { logger } = resolved;
  if (logger !== null) node.observe(eventLog(name, logger, runtime.clock, loggerFailed));
  await node.start();
  return node;
}

/**
 * Starts a node: checks everything it is told, listens on all planes, and dials the peers it was
 * given.
 * @returns Resolves when it listens.
 * @throws (rejects) NodeError ERR_ARGUMENT, ERR_KEY_FILE, ERR_KEY_FILE_MODE, ERR_KEY_SHORT,
 *   ERR_PLANE_NO_ADDRESS, ERR_PLANE_AMBIGUOUS, ERR_ADDRESS_NOT_LOCAL; ProfileError
 *   ERR_PROFILE_INVALID; SctpError ERR_ADDON_MISSING, ERR_NO_SCTP, ERR_NO_HMAC, ERR_PORT_IN_USE,
 *   ERR_OPTION_REJECTED.
 */
export function startNode(options: NodeOptions): Promise<ClusterNode> {
  return startNodeIn(realWorld(), options);
}
