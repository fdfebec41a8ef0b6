/** From an errno the addon reports to an error with one of our codes. */
import { type ErrorCode, type ErrorDetails, SctpError } from '../errors.js';
import type { NativeError } from './native.js';

const CODES: Readonly<Record<string, ErrorCode>> = {
  EPROTONOSUPPORT: 'ERR_NO_SCTP',
  ESOCKTNOSUPPORT: 'ERR_NO_SCTP',
  EADDRNOTAVAIL: 'ERR_ADDRESS_NOT_LOCAL',
  EADDRINUSE: 'ERR_PORT_IN_USE',
  ECONNREFUSED: 'ERR_REFUSED',
  ETIMEDOUT: 'ERR_TIMEOUT',
  EMSGSIZE: 'ERR_MESSAGE_TOO_LARGE',
  ECONNRESET: 'ERR_ASSOCIATION_LOST',
  EPIPE: 'ERR_ASSOCIATION_LOST',
  ERR_CLOSED: 'ERR_CLOSED',
};

const ADVICE: Partial<Record<ErrorCode, string>> = {
  ERR_NO_SCTP:
    'this kernel has no SCTP; try "modprobe sctp" (the module is in linux-image on Debian, ' +
    'kernel-modules-extra on Fedora, linux-modules-extra on Ubuntu)',
  ERR_NO_HMAC:
    'the kernel cannot make SCTP cookies: the hash named in the sysctl ' +
    'net.sctp.cookie_hmac_alg is not available; try "modprobe hmac" or set that ' +
    'sysctl to an algorithm the kernel has',
  ERR_ADDRESS_NOT_LOCAL: 'the address is not configured on this host',
  ERR_PORT_IN_USE: 'the port is taken',
  ERR_REFUSED: 'nobody listens at that port of the peer',
};

/** True for what the addon throws for a failed system call, or for a closed socket. */
export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
}

/** The details every error carries that came from the addon. */
export function nativeDetails(error: NativeError, address?: string): ErrorDetails {
  const where = error.address ?? address;
  return {
    cause: error,
    ...(error.errno !== undefined && { errno: error.errno }),
    ...(error.syscall !== undefined && { syscall: error.syscall }),
    ...(where !== undefined && { address: where }),
  };
}

/**
 * The SctpError for a native one. ENOSYS means a missing cookie hash when listen() said it (the
 * kernel allocates the hash there), anything without a code of its own is ERR_SYSTEM.
 * @param what What was being done, for people.
 * @param address What was given, for people; also the error's address where the addon does not name
 * one.
 */
export function sctpError(error: NativeError, what: string, address?: string): SctpError {
  const noHmac = error.code === 'ENOSYS' && error.syscall === 'listen';
  const code = noHmac ? 'ERR_NO_HMAC' : (CODES[error.code] ?? 'ERR_SYSTEM');
  const advice = ADVICE[code];
  const culprit = error.address === undefined ? '' : ` at ${error.address}`;
  const reason = advice === undefined ? error.message : `${error.code}${culprit}, ${advice}`;
  const shown = address === undefined ? '' : ` (${address})`;
  return new SctpError(code, `${what}${shown}: ${reason}`, nativeDetails(error, address));
}

/**
 * Calls `action` and turns what the addon throws into SctpErrors; programming errors pass
 * unchanged.
 */
export function wrapNative<T>(what: string, address: string | undefined, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SctpError || !isNativeError(error) || error instanceof TypeError)
      throw error;
    throw sctpError(error, what, address);
  }
}
