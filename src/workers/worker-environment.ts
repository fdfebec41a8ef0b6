/** The environment of a worker: what the controller itself has is not for it, but for a few. */
import { basename, join } from 'node:path';
import type { WorkerSpec } from './worker-spec.js';

/** Of the controller's own. */
const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'TZ'];
/** The same, for a worker that is the same user. */
const INHERITED_BY_USER = ['HOME', 'USER', 'LOGNAME'];

/** The stream on which a worker says that it is ready, that it beats and what it does. */
export const NOTIFY_VARIABLE = 'BACKPLANE_NOTIFY';

/**
 * @param folder the instance's own
 * @param others whatever else is to be known to it
 */
export function workerEnvironment(
  spec: WorkerSpec,
  folder: string,
  host: string,
  others: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  const names = spec.user === null ? [...INHERITED, ...INHERITED_BY_USER] : INHERITED;
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return {
    ...env,
    ...others,
    ...spec.env,
    BACKPLANE_HOST: host,
    BACKPLANE_WORKER: spec.name,
    BACKPLANE_INSTANCE: basename(folder),
    ...(spec.pool === null ? {} : { BACKPLANE_POOL: spec.pool }),
    [NOTIFY_VARIABLE]: join(folder, 'notify.stream'),
    NOTIFY_SOCKET: join(folder, 'notify'),
    ...(spec.beatMs === null ? {} : { WATCHDOG_USEC: String(spec.beatMs * 1000) }),
  };
}
