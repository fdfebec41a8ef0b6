/** Changes to the addresses of a living association, each read back. */
import { SctpError } from '../errors.js';
import { canonicalAddress, checkAddresses } from './addresses.js';
import type { NativeAddress, NativeSocket } from './native.js';
import { wrapNative } from './system-errors.js';

/** The addresses of one end; empty when the association is over. */
export function addressesOf(read: () => NativeAddress[]): string[] {
  try {
    return read().map((entry) => entry.address);
  } catch {
    return [];
  }
}

function checkPeerAddress(socket: NativeSocket, address: string): void {
  const wanted = canonicalAddress(address);
  const held = addressesOf(() => socket.peerAddresses());
  if (held.some((entry) => canonicalAddress(entry) === wanted)) return;
  const text = `${address} is not an address of the peer`;
  throw new SctpError('ERR_ADDRESS_INVALID', text, { address });
}

/** See `Association.setPrimary`. */
export function setPrimaryPath(socket: NativeSocket, address: string): void {
  checkPeerAddress(socket, address);
  const held = wrapNative('cannot set the primary path', address, () => {
    socket.setOption('primary', { address });
    return socket.status().primary.address;
  });
  if (canonicalAddress(held) === canonicalAddress(address)) return;
  const text = `option primary: the kernel keeps ${held}`;
  throw new SctpError('ERR_OPTION_REJECTED', text, { address });
}

/**
 * See `Association.heartbeatNow`. The kernel takes the request only together with the path's other
 * values.
 */
export function requestHeartbeats(socket: NativeSocket, address: string | undefined): void {
  if (address !== undefined) checkPeerAddress(socket, address);
  const all = address === undefined ? addressesOf(() => socket.peerAddresses()) : [address];
  for (const target of all) {
    wrapNative('cannot send a HEARTBEAT', target, () => {
      const path = socket.getOption('path', target);
      socket.setOption('path', { ...path, address: target, heartbeatNow: true });
    });
  }
}

/**
 * The socket has what its association was refused: an address it kept would be taken for all other
 * sockets of its port.
 */
function undo(socket: NativeSocket, addresses: readonly string[], change: 'add' | 'remove'): void {
  try {
    if (change === 'add') socket.removeAddresses(addresses);
    else socket.addAddresses(addresses);
  } catch {
    // Then another socket has it; the association is not concerned.
  }
}

/** See `Association.addLocalAddresses`. */
export function changeLocalAddresses(
  socket: NativeSocket,
  addresses: readonly string[],
  change: 'add' | 'remove',
): void {
  checkAddresses(addresses, 'addresses');
  wrapNative(`cannot ${change} local addresses`, addresses.join(', '), () => {
    if (change === 'add') socket.addAddresses(addresses);
    else socket.removeAddresses(addresses);
  });
  const held = new Set(addressesOf(() => socket.localAddresses()).map(canonicalAddress));
  const wanted = change === 'add';
  const wrong = addresses.find((address) => held.has(canonicalAddress(address)) !== wanted);
  if (wrong === undefined) return;
  undo(socket, addresses, change);
  throw new SctpError(
    'ERR_OPTION_REJECTED',
    `local addresses: the kernel left ${wrong} as it was (is net.sctp.addip_enable on?)`,
    { address: wrong },
  );
}
