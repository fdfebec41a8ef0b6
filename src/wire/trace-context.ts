/**
 * The trace a message belongs to: `traceparent` of W3C Trace Context, 55 characters, as 26 bytes:
 * version, trace id (16), parent id (8), flags.
 */
import { malformed } from './frame.js';

export const TRACE_CONTEXT_BYTES = 26;

const FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Whether it is one: lower case, neither id all zero, not version ff, which is no version. */
export function isTraceparent(text: unknown): text is string {
  return typeof text === 'string' && FORM.test(text);
}

/** @param text One for which `isTraceparent` holds. */
export function writeTraceparent(data: Buffer, at: number, text: string): void {
  data.write(text.replaceAll('-', ''), at, TRACE_CONTEXT_BYTES, 'hex');
}

/** @throws ProtocolError ERR_PROTOCOL: an id of zeros, or version ff. */
export function readTraceparent(data: Buffer, at: number): string {
  const hex = (from: number, to: number) => data.toString('hex', at + from, at + to);
  const text = `${hex(0, 1)}-${hex(1, 17)}-${hex(17, 25)}-${hex(25, TRACE_CONTEXT_BYTES)}`;
  if (!isTraceparent(text)) throw malformed('a trace context without a trace');
  return text;
}
