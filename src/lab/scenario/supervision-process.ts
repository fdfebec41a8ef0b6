/** One process of the scenario `supervision`: what of a controller has to do with workers. */
import { appendFileSync } from 'node:fs';
import {
  BackplaneError,
  readDesired,
  startWorkers,
  type WorkerEvent,
  type Workers,
} from '../../cluster.js';
import type {
  SupervisionCommand,
  SupervisionReport,
  SupervisionSetup,
} from './supervision-protocol.js';

function report(message: SupervisionReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

const { folder, endingsFile } = JSON.parse(process.argv[2]!) as SupervisionSetup;

function tell(event: WorkerEvent): void {
  if (event.type === 'ended') appendFileSync(endingsFile, `${JSON.stringify(event)}\n`);
  report({ type: 'event', event });
}

function obey(workers: Workers, command: SupervisionCommand): void {
  switch (command.type) {
    case 'desire':
      return workers.desire(readDesired(command.values));
    case 'view':
      return report({ type: 'view', view: workers.view() });
    case 'drain':
      return workers.suspend('drain', true);
  }
}

async function main(): Promise<void> {
  const workers = await startWorkers({ folder, host: 'lab', tell });
  process.on('message', (command: SupervisionCommand) => {
    try {
      obey(workers, command);
    } catch (error) {
      reportFailure(error);
    }
  });
  report({ type: 'ready' });
}

// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
// It may have died while this one began.
if (!process.connected) process.exit(0);
process.on('uncaughtException', reportFailure);
main().catch(reportFailure);
