/** The whole of it: all decoders, their inputs spread over two threads. */
import { Worker } from 'node:worker_threads';
import { decoders } from './decoders.js';
import type { DecoderFigures, DecoderResult } from './run-decoder.js';
import type { Job, Report } from './worker.js';

export interface FuzzOptions {
  /** For each decoder. */
  readonly inputs: number;
  readonly seed: number;
  /** Told now and then how many inputs of how many are done. */
  readonly progress?: (done: number, of: number) => void;
}

export interface FuzzFindings {
  readonly violations: readonly string[];
  readonly decoders: readonly DecoderFigures[];
}

const THREADS = 2;
/** Of one decoder at a time, so that a thread has something to take when the other is late. */
const INPUTS_PER_JOB = 250_000;
/** 10,000 inputs take a tenth of a second: a thread that is silent for so long is in a circle. */
const SILENCE_MS = 60_000;
/** With fewer inputs a decoder may accept none by chance. */
const ENOUGH_INPUTS = 1000;

/** Fuzzes every decoder of the package. */
export async function fuzz({ inputs, seed, progress }: FuzzOptions): Promise<FuzzFindings> {
  const jobs: Job[] = decoders.flatMap(({ name }) => {
    const starts = Array.from({ length: Math.ceil(inputs / INPUTS_PER_JOB) }, (_, i) => i);
    return starts.map((i) => {
      const from = i * INPUTS_PER_JOB;
      return { decoder: name, seed, from, to: Math.min(from + INPUTS_PER_JOB, inputs) };
    });
  });
  let done = 0;
  const add = (count: number) => {
    done += count;
    progress?.(done, inputs * decoders.length);
  };
  const results: DecoderResult[] = [];
  const thread = async () => {
    const worker = new Worker(new URL('./worker.js', import.meta.url));
    try {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
        results.push(await run(worker, job, add));
      }
    } finally {
      await worker.terminate();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: THREADS }, thread));
  const broken = ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
  const figures = decoders.map(({ name }) => added(name, results));
  const violations = [
    ...broken,
    ...results.flatMap((result) => result.violations),
    ...figures.flatMap((one) => shortcomings(one, inputs)),
  ];
  return { violations, decoders: figures };
}

/** One job on a thread; rejects when the thread ends, or says nothing any more. */
function run(worker: Worker, job: Job, add: (inputs: number) => void): Promise<DecoderResult> {
  return new Promise((resolve, reject) => {
    const where = `${job.decoder}: inputs ${job.from} to ${job.to} of seed ${job.seed}`;
    const fail = (why: string) => finish(() => reject(new Error(`${where}: ${why}`)));
    const silence = setTimeout(() => fail(`no end within ${SILENCE_MS} ms`), SILENCE_MS);
    const onMessage = (report: Report) => {
      silence.refresh();
      if (report.kind === 'progress') add(report.inputs);
      else finish(() => resolve(report.result));
    };
    const onError = (error: unknown) => fail(String(error));
    const finish = (settle: () => void) => {
      clearTimeout(silence);
      worker.off('message', onMessage).off('error', onError);
      settle();
    };
    worker.on('message', onMessage).on('error', onError).postMessage(job);
  });
}

function added(name: string, results: readonly DecoderResult[]): DecoderFigures {
  const own = results.filter((result) => result.name === name);
  const sum = (field: 'inputs' | 'accepted' | 'rejected') =>
    own.reduce((total, result) => total + result[field], 0);
  return {
    name,
    inputs: sum('inputs'),
    accepted: sum('accepted'),
    rejected: sum('rejected'),
    slowestMs: Math.max(0, ...own.map(({ slowestMs }) => slowestMs)),
  };
}

/** A decoder that was not tried says nothing, nor does one that was only tried one way. */
function shortcomings({ name, inputs, accepted, rejected }: DecoderFigures, wanted: number) {
  const found: string[] = [];
  if (inputs !== wanted) found.push(`${name}: ${inputs} inputs of ${wanted}`);
  if (wanted < ENOUGH_INPUTS) return found;
  if (accepted === 0) found.push(`${name}: no input was accepted`);
  if (rejected === 0) found.push(`${name}: no input was rejected`);
  return found;
}
