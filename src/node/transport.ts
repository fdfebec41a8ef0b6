/**
 * What a node needs of the network: to listen, and to dial. `sctp-transport.ts` meets it with the
 * kernel's SCTP, tests with a network in memory.
 */
import type { Carrier } from '../link/carrier.js';
import type { Profile } from '../timing/profiles.js';

export interface TransportOptions {
  /** Every address of this node, one per plane. */
  readonly localAddresses: readonly string[];
  /** Sets the timers; an accepted association may get others, see `Carrier.retime`. */
  readonly profile: Profile;
}

export interface Listener {
  /** The port it listens at, also when 0 was asked for. */
  readonly port: number;
  /** Listens no more. What was accepted lives on. Resolves when the port is free. */
  close(): Promise<void>;
  /**
   * Listens at this address too, or no more. What was accepted keeps what it has. Where they are
   * missing the listener cannot do it.
   * @throws SctpError as `listen`; ERR_SYSTEM for the last address.
   */
  addAddress?(address: string): void;
  removeAddress?(address: string): void;
}

export interface ListenHandlers {
  /** A peer has come; its handlers must be attached in this very call. */
  onCarrier(carrier: Carrier): void;
  /** A peer could not be accepted. The listener goes on. */
  onAcceptFailed(error: Error): void;
}

export interface Transport {
  /** Which engine carries the associations, for reports. */
  readonly engine: string;
  /**
   * Listens at all local addresses.
   * @throws SctpError ERR_PORT_IN_USE, ERR_ADDRESS_NOT_LOCAL, ERR_NO_SCTP, ERR_NO_HMAC ...
   */
  listen(port: number, options: TransportOptions, handlers: ListenHandlers): Promise<Listener>;
  /**
   * Begins an association from all local addresses to all addresses of a peer. How it ends comes to
   * the carrier's handlers.
   * @throws SctpError what can be known at once.
   */
  dial(addresses: readonly string[], port: number, options: TransportOptions): Carrier;
}
