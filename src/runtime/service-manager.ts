/**
 * What a process tells the service manager that started it (systemd, sd_notify(3)). Node.js has no
 * datagrams of Unix sockets, so systemd's own program sends them: the unit needs
 * `NotifyAccess=all`.
 */
import { spawn } from './child-process.js';

/** The service manager, as far as it wants to be told. */
export interface ServiceManager {
  /** Tells it a state: `READY=1`. Never rejects: nothing depends on it. */
  tell(...states: readonly string[]): Promise<void>;
  /** It has to hear `WATCHDOG=1` within this time, again and again; null: it does not watch. */
  readonly watchdogMs: number | null;
}

/** @param env what it has left there for us; taken away, for it is not meant for our children */
export function serviceManager(env: NodeJS.ProcessEnv = process.env): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (socket === undefined || socket === '') return { tell: async () => {}, watchdogMs: null };
  const isOurs = watched === undefined || watched === String(process.pid);
  const watchdogMs = isOurs && /^[1-9]\d*$/.test(watchdog ?? '') ? Number(watchdog) / 1000 : null;
  return {
    watchdogMs,
    tell: (...states) =>
      new Promise((resolve) => {
        const child = spawn('systemd-notify', [...states], {
          stdio: 'ignore',
          env: { PATH: env['PATH'], NOTIFY_SOCKET: socket },
        });
        child.once('error', () => resolve());
        child.once('close', () => resolve());
      }),
  };
}
