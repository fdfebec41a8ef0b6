/**
 * One process of the scenario `supervision`: of a controller that starts, how it becomes the one of
 * its host, or is refused. Its only argument is the name it claims: a real controller may run here.
 */
import { claimHost } from '../../controller/one-per-host.js';
import { ControllerError } from '../../errors.js';
import type { ClaimReport } from './supervision-protocol.js';

function report(message: ClaimReport): void {
  process.send?.(message);
}

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

async function main(name: string): Promise<void> {
  try {
    await claimHost(name);
    report({ type: 'claimed', otherPid: null });
  } catch (error) {
    const isRefused = error instanceof ControllerError && error.code === 'ERR_CONTROLLER_RUNNING';
    if (!isRefused) throw error;
    report({ type: 'claimed', otherPid: error.pid ?? 0 });
  }
}

void main(process.argv[2] ?? '');
