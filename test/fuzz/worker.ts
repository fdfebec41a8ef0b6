/** A thread that runs the jobs it is sent, one at a time. */
import { parentPort } from 'node:worker_threads';
import { decoders } from './decoders.js';
import { type DecoderResult, type InputRange, runDecoder } from './run-decoder.js';

/** A part of one decoder's inputs. */
export interface Job extends InputRange {
  readonly decoder: string;
}

/** What a worker says: inputs done since it last spoke, and at the end of a job its result. */
export type Report =
  | { readonly kind: 'progress'; readonly inputs: number }
  | { readonly kind: 'result'; readonly result: DecoderResult };

const port = parentPort;

port?.on('message', (job: Job) => {
  const decoder = decoders.find(({ name }) => name === job.decoder);
  if (decoder === undefined) throw new Error(`there is no decoder ${job.decoder}`);
  const say = (report: Report) => port.postMessage(report);
  const result = runDecoder(decoder, job, (inputs) => say({ kind: 'progress', inputs }));
  say({ kind: 'result', result });
});
