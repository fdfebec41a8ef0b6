/** The system's own limits for socket buffers, for as long as a benchmark runs. */
import { readFileSync, writeFileSync } from 'node:fs';

/** The kernel's own limits for the buffers of whoever has no CAP_NET_ADMIN. */
const BUFFER_LIMITS = ['rmem_max', 'wmem_max'].map((name) => `/proc/sys/net/core/${name}`);
const BUFFER_LIMIT_BYTES = '212992';

/** Sets the limits of socket buffers; returns what puts them back. */
export function setBufferLimits(): () => void {
  const before = BUFFER_LIMITS.map((file) => ({ file, value: readFileSync(file, 'utf8').trim() }));
  const changed = before.filter(({ value }) => value !== BUFFER_LIMIT_BYTES);
  for (const { file } of changed) writeFileSync(file, BUFFER_LIMIT_BYTES);
  return () => {
    for (const { file, value } of changed) writeFileSync(file, value);
  };
}
