/**
 * Tests that change addresses, sysctls or ports want a network of their own: this runs the test
 * file again, in the same terms, inside a new network namespace, and ends the outer process with
 * its outcome.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const MARK = 'BACKPLANE_TEST_OWN_NETWORK';

/**
 * Begins every test file that wants it; returns only inside. Addresses are added to the loopback
 * interface.
 */
export function enterOwnNetwork(addresses: readonly string[] = [], mtu = 65536): void {
  if (process.env[MARK] === undefined) {
    const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    const { status } = spawnSync('unshare', ['--net', '--', ...command], {
      stdio: 'inherit',
      env: { ...process.env, [MARK]: 'inside' },
    });
    process.exit(status ?? 1);
  }
  run('ip', 'link', 'set', 'lo', 'up', 'mtu', String(mtu));
  for (const address of addresses) run('ip', 'addr', 'add', address, 'dev', 'lo', 'nodad');
}

/** Runs a command to its end; a failure is an error with its output. */
export function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  }
}

/** Sets net.sctp.NAME of this network namespace. */
export function setSctpSysctl(name: string, value: string | number): void {
  writeFileSync(`/proc/sys/net/sctp/${name}`, String(value));
}

export function getSctpSysctl(name: string): string {
  return readFileSync(`/proc/sys/net/sctp/${name}`, 'utf8').trim();
}
