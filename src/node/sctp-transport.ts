/** The kernel's SCTP as a node's transport. */
import { limits } from '../limits.js';
import { associationOptions, SctpCarrier } from '../link/sctp-carrier.js';
import { connect, listen, type SctpOptions, sctpSupport } from '../sctp/index.js';
import type { Profile } from '../timing/profiles.js';
import type { Listener, ListenHandlers, Transport, TransportOptions } from './transport.js';

/** RTO.Min from which a profile is made for networks whose round trips need large buffers. */
const LOCAL_RTO_MIN_MS = 200;

function optionsFor(profile: Profile): SctpOptions {
  return {
    ...associationOptions(profile),
    // A stranger's message is reassembled before anybody knows who it is: no larger than a node's
    // own may be.
    maxMessageBytes: limits.bundleFrameBytes,
    sendQueueHighWaterBytes: limits.carrierQueueBytes,
    // What the kernel holds goes before all that comes later, a call beside a large body too.
    ...(profile.rtoMinMs < LOCAL_RTO_MIN_MS
      ? {
          sendBufferBytes: limits.localBufferBytes,
          receiveBufferBytes: limits.localBufferBytes,
        }
      : {}),
  };
}

export function sctpTransport(): Transport {
  return {
    get engine() {
      return sctpSupport().engine ?? 'none';
    },

    async listen(
      port: number,
      options: TransportOptions,
      handlers: ListenHandlers,
    ): Promise<Listener> {
      const server = listen({
        ...optionsFor(options.profile),
        addresses: options.localAddresses,
        port,
      });
      server.on('association', (association) =>
        handlers.onCarrier(new SctpCarrier(association, options.profile, optionsFor)),
      );
      server.on('acceptFailed', (error) => handlers.onAcceptFailed(error));
      return {
        port: server.port,
        addAddress: (address) => server.addAddresses([address]),
        removeAddress: (address) => server.removeAddresses([address]),
        close: () =>
          new Promise((resolve) => {
            server.once('close', resolve);
            server.close();
          }),
      };
    },

    dial(addresses: readonly string[], port: number, options: TransportOptions): SctpCarrier {
      const { localAddresses, profile } = options;
      const association = connect({ ...optionsFor(profile), addresses, port, localAddresses });
      return new SctpCarrier(association, profile, optionsFor);
    },
  };
}
