/** Listening: the passive side. */
import { EventEmitter } from 'node:events';
import { SctpError } from '../errors.js';
import { limits } from '../limits.js';
import { checkAddresses, checkPort, familyOf, ipv4First } from './addresses.js';
import { changeServerAddresses } from './addressing.js';
import { Association } from './association.js';
import { configureSocket, shareAddresses } from './configure.js';
import type { ServerEvents } from './events.js';
import { loadAddon } from './load-addon.js';
import type { NativeError, NativeSocket } from './native.js';
import { type ResolvedOptions, resolveOptions, type SctpOptions } from './options.js';
import { afterRelease } from './released.js';
import { sctpError, wrapNative } from './system-errors.js';

/** Where to listen; the options of associations hold for all that are accepted. */
export interface ListenOptions extends SctpOptions {
  /**
   * Local addresses, 1 to 16: one per network. Peers get to know exactly these. With '0.0.0.0' or
   * '::' the kernel announces all addresses of this host that it deems in scope, also of networks
   * that are not meant.
   */
  readonly addresses: readonly string[];
  /** Default 0: the system chooses, see `Server.port`. */
  readonly port?: number;
  /** Associations that may wait to be accepted. Default limits.listenBacklog. */
  readonly backlog?: number;
}

/** Accepts associations. Listens from its construction to `close`. */
export class Server extends EventEmitter<ServerEvents> {
  /** The port it listens at. */
  readonly port: number;
  readonly #socket: NativeSocket;
  readonly #meta: Int32Array;
  readonly #options: ResolvedOptions;
  readonly #sendBufferBytes: number;
  #closed = false;
  #pause: NodeJS.Timeout | null = null;

  /**
   * @throws SctpError ERR_ADDON_MISSING, ERR_NO_SCTP, ERR_NO_HMAC, ERR_ADDRESS_INVALID,
   * ERR_ADDRESS_NOT_LOCAL, ERR_PORT_IN_USE, ERR_OPTION_REJECTED, ERR_SYSTEM.
   */
  constructor(options: ListenOptions) {
    super();
    const addresses = checkAddresses(options.addresses, 'addresses');
    const port = checkPort(options.port ?? 0, 'port', 0);
    const backlog = options.backlog ?? limits.listenBacklog;
    if (!Number.isInteger(backlog) || backlog < 1) {
      throw new SctpError('ERR_OPTION_REJECTED', `option backlog: ${backlog} is not 1 or more`);
    }
    this.#options = resolveOptions(options);
    const addon = loadAddon();
    this.#meta = addon.meta;
    const family = familyOf(addresses);
    const socket = wrapNative(
      'cannot make an SCTP socket',
      undefined,
      () => new addon.Socket(family),
    );
    this.#socket = socket;
    try {
      this.#sendBufferBytes = configureSocket(socket, this.#options);
      shareAddresses(socket);
      const shown = `${addresses.join(', ')} port ${port}`;
      wrapNative('cannot bind', shown, () => socket.bind(ipv4First(addresses), port));
      wrapNative('cannot listen', shown, () => socket.listen(backlog));
      this.port = socket.localAddresses()[0]?.port ?? port;
      socket.attach({
        onReceive: () => false,
        onEnd: () => this.close(),
        onDrain: () => {},
        onAccept: (accepted) => this.#accept(accepted),
        onAcceptError: (error) => this.#acceptFailed(error),
        onOversize: () => {},
      });
      socket.resume();
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** The addresses it listens at; empty after `close`. */
  get addresses(): readonly string[] {
    return this.#closed ? [] : this.#socket.localAddresses().map((entry) => entry.address);
  }

  /**
   * Listens at more addresses, all at the same port. Associations that were accepted before keep
   * what they have: give them the address first, as the kernel refuses it to them once the server
   * has it.
   * @throws SctpError ERR_ADDRESS_NOT_LOCAL, ERR_ADDRESS_INVALID, ERR_PORT_IN_USE, ERR_CLOSED,
   * ERR_OPTION_REJECTED, ERR_SYSTEM.
   */
  addAddresses(addresses: readonly string[]): void {
    changeServerAddresses(this.#socket, addresses, 'add');
  }

  /**
   * Listens at these addresses no more; the last cannot go (ERR_SYSTEM, with EBUSY as cause).
   * Otherwise as `addAddresses`.
   */
  removeAddresses(addresses: readonly string[]): void {
    changeServerAddresses(this.#socket, addresses, 'remove');
  }

  /** Stops listening. Accepted associations live on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#socket.close();
    afterRelease(() => this.emit('close'));
  }

  #accept(socket: NativeSocket): void {
    const peer = peerOf(socket);
    const association = new Association({
      socket,
      meta: this.#meta,
      accepted: true,
      maxMessageBytes: this.#options.maxMessageBytes,
      sendQueueHighWaterBytes: this.#options.sendQueueHighWaterBytes,
      sendBufferBytes: this.#sendBufferBytes,
      remoteAddress: peer.address,
      remotePort: peer.port,
    });
    if (!this.emit('association', association)) association.abort();
    association.resume();
  }

  #acceptFailed(error: NativeError): void {
    if (this.#closed) return;
    this.#pause ??= setTimeout(() => {
      this.#pause = null;
      this.#socket.resume();
    }, limits.acceptPauseMs);
    this.emit('acceptFailed', sctpError(error, 'cannot accept an association'));
  }
}

/**
 * A peer may be gone between the kernel's accept and this question; the association's end then
 * follows.
 */
function peerOf(socket: NativeSocket): { address: string; port: number } {
  try {
    return socket.peerAddresses()[0] ?? { address: 'unknown', port: 0 };
  } catch {
    return { address: 'unknown', port: 0 };
  }
}

/**
 * Listens for associations; the same as `new Server(options)`.
 * @throws SctpError as the constructor of `Server`.
 */
export function listen(options: ListenOptions): Server {
  return new Server(options);
}
