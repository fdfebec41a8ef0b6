/** Turns what the kernel refuses into errors of the lab. */
import { LabError } from '../../errors.js';
import type { NativeError } from '../../sctp/native.js';

/**
 * Does what the kernel may refuse.
 * @throws LabError ERR_LAB with errno, syscall and address as the kernel's; ERR_CLOSED after
 *   `close()`.
 */
export function kernel<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof LabError || cause instanceof TypeError) throw cause;
    const { code, errno, syscall, address, message } = cause as NativeError;
    throw new LabError(code === 'ERR_CLOSED' ? code : 'ERR_LAB', message, {
      cause,
      ...(errno === undefined ? {} : { errno }),
      ...(syscall === undefined ? {} : { syscall }),
      ...(address === undefined ? {} : { address }),
    });
  }
}
