/** Dialling: the active side of an association. */
import { checkAddresses, checkPort, familyOf, ipv4First } from './addresses.js';
import { Association } from './association.js';
import { configureSocket } from './configure.js';
import { loadAddon } from './load-addon.js';
import { resolveOptions, type SctpOptions } from './options.js';
import { wrapNative } from './system-errors.js';

/** Whom to dial, and from where. */
export interface ConnectOptions extends SctpOptions {
  /**
   * The peer's addresses, 1 to 16. One that answers is enough; the peer tells its others by itself.
   */
  readonly addresses: readonly string[];
  readonly port: number;
  /**
   * Addresses to bind, and so the only ones the peer gets to know. Default: the kernel's choice,
   * which is all addresses of this host. Name them where there is more than one network.
   */
  readonly localAddresses?: readonly string[];
  /**
   * Port to bind. Default 0: the system chooses. A port someone listens at cannot be dialled from.
   */
  readonly localPort?: number;
}

/**
 * Begins an association. What is wrong with the call is thrown; what the peer and the network do
 * comes as events: `up`, or `lost`.
 * @throws SctpError ERR_ADDON_MISSING, ERR_NO_SCTP, ERR_ADDRESS_INVALID, ERR_ADDRESS_NOT_LOCAL,
 * ERR_PORT_IN_USE, ERR_OPTION_REJECTED, ERR_SYSTEM.
 */
export function connect(options: ConnectOptions): Association {
  const addresses = checkAddresses(options.addresses, 'addresses');
  const port = checkPort(options.port, 'port', 1);
  const localPort = checkPort(options.localPort ?? 0, 'localPort', 0);
  const locals = options.localAddresses;
  if (locals !== undefined) checkAddresses(locals, 'localAddresses');
  const resolved = resolveOptions(options);
  const family = familyOf(addresses, locals ?? []);
  const addon = loadAddon();
  const socket = wrapNative(
    'cannot make an SCTP socket',
    undefined,
    () => new addon.Socket(family),
  );
  try {
    const sendBufferBytes = configureSocket(socket, resolved);
    if (locals !== undefined || localPort !== 0) {
      const bound = locals ?? [family === 4 ? '0.0.0.0' : '::'];
      const shown = `${bound.join(', ')} port ${localPort}`;
      wrapNative('cannot bind', shown, () => socket.bind(ipv4First(bound), localPort));
    }
    const association = new Association({
      socket,
      meta: addon.meta,
      accepted: false,
      maxMessageBytes: resolved.maxMessageBytes,
      sendQueueHighWaterBytes: resolved.sendQueueHighWaterBytes,
      sendBufferBytes,
      remoteAddress: addresses[0]!,
      remotePort: port,
    });
    const shown = `${addresses.join(', ')} port ${port}`;
    wrapNative('cannot connect', shown, () => {
      socket.connect(addresses, port);
      socket.resume();
    });
    return association;
  } catch (error) {
    socket.close();
    throw error;
  }
}
