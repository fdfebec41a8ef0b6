/** Runs seeds in a process of its own, as they are asked for. */
import { register } from 'node:module';
import type { Job } from './jobs.js';

/** Another text for one module, to be set before the first job. */
export interface Overlay {
  /** Address of the compiled module. */
  readonly url: string;
  readonly source: string;
}

process.on('message', async (message: Job | Overlay) => {
  if ('source' in message) {
    register('./overlay.js', import.meta.url, { data: message });
    return;
  }
  const { runJob } = await import('./jobs.js');
  process.send?.(await runJob(message));
});
