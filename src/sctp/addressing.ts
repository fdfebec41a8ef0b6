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
 * See `Association.addLocalAddresses`. A new address is the association's at once, to be confirmed
 * by the peer; one that is to go stays in its list until the peer has agreed, so there is nothing
 * to be read back.
 */
export function changeLocalAddresses(
  socket: NativeSocket,
  addresses: readonly string[],
  change: 'add' | 'remove',
): void {
  checkAddresses(addresses, 'addresses');
  const rejected = (why: string) =>
    new SctpError('ERR_OPTION_REJECTED', `local addresses: ${why}`, { address: addresses[0]! });
  const shown = addresses.join(', ');
  wrapNative(`cannot ${change} local addresses`, shown, () => {
    if (!socket.getOption('changeAddresses')) {
      throw rejected('one end does not change them (is net.sctp.addip_enable on?)');
    }
    if (change === 'add') socket.addAddresses(addresses);
    else socket.removeAddresses(addresses);
  });
  if (change === 'remove') return;
  const held = new Set(addressesOf(() => socket.localAddresses()).map(canonicalAddress));
  const wrong = addresses.find((address) => !held.has(canonicalAddress(address)));
  if (wrong !== undefined) throw rejected(`the kernel did not take ${wrong}`);
}

/** See `Server.addAddresses`: a socket without an association takes every change at once. */
export function changeServerAddresses(
  socket: NativeSocket,
  addresses: readonly string[],
  change: 'add' | 'remove',
): void {
  checkAddresses(addresses, 'addresses');
  wrapNative(`cannot ${change} addresses`, addresses.join(', '), () => {
    if (change === 'add') socket.addAddresses(addresses);
    else socket.removeAddresses(addresses);
  });
  const held = new Set(addressesOf(() => socket.localAddresses()).map(canonicalAddress));
  const wrong = addresses.find((each) => held.has(canonicalAddress(each)) !== (change === 'add'));
  if (wrong === undefined) return;
  const text = `addresses: the kernel left ${wrong} as it was`;
  throw new SctpError('ERR_OPTION_REJECTED', text, { address: wrong });
}
