/** One process of the scenario `dispatch`: the submitter of all tasks, or a worker. */
import { closeSync, openSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackplaneError, type Delivery, startTasks, type Tasks } from '../../cluster.js';
import { type ClusterNode, startNode } from '../../index.js';
import {
  DISPATCH_POOL,
  type DispatchCommand,
  type DispatchEvent,
  type DispatchReport,
  type DispatchSetup,
  effectLine,
  type LabTask,
  runLine,
  type Settled,
} from './dispatch-protocol.js';

/** Tasks that one worker runs at once. */
const CONCURRENCY = 4;
const WORK_MOST_MS = 20;
/** Of every two tasks one is of each kind. */
const KINDS: readonly Delivery[] = ['at-least-once', 'at-most-once'];

function report(message: DispatchReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

/** Whether this run is the one that changes something: the key is taken once, on a disk. */
function takeEffect(folder: string, number: number): boolean {
  try {
    closeSync(openSync(path.join(folder, String(number)), 'wx'));
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
}

function work({ runsFile, effectsFolder }: DispatchSetup, tasks: Tasks): void {
  const runs = openSync(runsFile, 'a');
  const handler = async (body: unknown) => {
    const { number, delivery, workMs } = body as LabTask;
    // Written before anything else is done: a run that was begun and killed counts.
    writeSync(runs, runLine(number));
    await sleep(workMs);
    if (delivery === 'at-most-once') return number;
    if (takeEffect(effectsFolder, number)) writeSync(runs, effectLine(number));
    return number;
  };
  tasks.serve(DISPATCH_POOL, handler, { concurrency: CONCURRENCY });
}

class LabSubmitter {
  readonly #tasks: Tasks;
  readonly #kinds: Readonly<Record<Delivery, Settled>> = {
    'at-least-once': { tasks: 0, completed: 0, reported: {} },
    'at-most-once': { tasks: 0, completed: 0, reported: {} },
  };
  #open: Promise<void>[] = [];
  #last = 0;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  submit(count: number): void {
    for (let one = 0; one < count; one++) this.#open.push(this.#submitOne(this.#last++));
    report({ type: 'submitted', open: this.#tasks.submitted.length });
  }

  async settle(): Promise<void> {
    await Promise.all(this.#open.splice(0));
    report({ type: 'settled', kinds: this.#kinds });
  }

  async #submitOne(number: number): Promise<void> {
    const delivery = KINDS[number % KINDS.length] as Delivery;
    const settled = this.#kinds[delivery];
    const task: LabTask = { number, delivery, workMs: 1 + (number % WORK_MOST_MS) };
    settled.tasks++;
    const key = delivery === 'at-least-once' ? { idempotencyKey: String(number) } : {};
    try {
      const result = await this.#tasks.run(DISPATCH_POOL, task, { delivery, ...key }).result;
      if (result !== number) throw new Error(`task ${number} has the result ${result}`);
      settled.completed++;
    } catch (error) {
      if (!(error instanceof BackplaneError)) return reportFailure(error);
      const { code } = error;
      settled.reported[code] = (settled.reported[code] ?? 0) + 1;
    }
  }
}

function tellEvents(node: ClusterNode): void {
  const tell = (event: DispatchEvent) => report({ type: 'event', event });
  node.on('nodeup', ({ name }) => tell({ kind: 'nodeup', peer: name }));
  node.on('nodedown', ({ name }) => tell({ kind: 'nodedown', peer: name }));
}

async function start(setup: DispatchSetup): Promise<void> {
  const { role, name, planes, port, keyFile, profile } = setup;
  const node = await startNode({ name, planes, port, keyFile, profile });
  const tasks = startTasks(node);
  if (role === 'worker') work(setup, tasks);
  else tellEvents(node);
  const submitter = new LabSubmitter(tasks);
  const obey = async (command: DispatchCommand): Promise<void> => {
    switch (command.type) {
      case 'connect':
        // It is rejected when the node is closed first.
        node.connect(command).catch(() => {});
        return;
      case 'submit':
        return submitter.submit(command.count);
      case 'settle':
        return submitter.settle();
      case 'finish':
        await node.close();
        process.disconnect();
    }
  };
  process.on('message', (command: DispatchCommand) => {
    obey(command).catch(reportFailure);
  });
  report({ type: 'ready' });
}

// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
start(JSON.parse(process.argv[2]!) as DispatchSetup).catch(reportFailure);
