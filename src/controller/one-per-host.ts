/** That a host has one controller, and never two. */
import { ControllerError } from '../errors.js';
import { claimSole, type SoleProcess } from '../runtime/sole-process.js';

/** The same on every host: a host with two names has one controller still. */
const NAME = 'backplane-controller';

/**
 * Makes this process the controller of its host, until it ends or gives it back.
 * @throws (rejects) ControllerError ERR_CONTROLLER_RUNNING, with the process that is.
 */
export async function claimHost(name: string = NAME): Promise<SoleProcess> {
  const claim = await claimSole(name);
  if ('release' in claim) return claim;
  const { pid } = claim;
  const who = pid === null ? 'another process' : `process ${pid}`;
  throw new ControllerError(
    'ERR_CONTROLLER_RUNNING',
    `${who} is the controller of this host; end it first, or ask it: backplane status`,
    pid === null ? {} : { pid },
  );
}
