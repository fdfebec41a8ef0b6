/** Keys of the configuration that controllers look at. */

/** True: nothing is to run at the host. */
export function drainedKey(host: string): string {
  return `hosts/${host}/drained`;
}

/** What becomes of workers when no master is in touch: 'keep' or 'stop'. */
export const WHEN_DOWN_KEY = 'cluster/policy/when-down';

/** Where the controller of a host is: { <plane>: <address> }. */
export function addressesKey(host: string): string {
  return `hosts/${host}/addresses`;
}

/** Its port, where it is another one than ours. */
export function portKey(host: string): string {
  return `hosts/${host}/port`;
}
