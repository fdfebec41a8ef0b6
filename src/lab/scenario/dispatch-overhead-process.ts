/** One process of the comparison of the scenario `dispatch`: who submits, or who works. */
import { BackplaneError, startTasks, type Tasks } from '../../cluster.js';
import { type ClusterNode, startNode } from '../../index.js';
import nothing from './dispatch-nothing.js';
import {
  OVERHEAD_POOL,
  OVERHEAD_WIDTH,
  type OverheadCommand,
  type OverheadReport,
  type OverheadSetup,
} from './dispatch-overhead-protocol.js';

/** What runs one task. */
type RunOne = (value: number) => Promise<unknown>;

function report(message: OverheadReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

/** One thread that does as much at once as our one worker; null where it is not installed. */
async function startPiscina(): Promise<RunOne | null> {
  try {
    const { Piscina } = await import('piscina');
    const filename = new URL('./dispatch-nothing.js', import.meta.url).href;
    const sizes = { minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: OVERHEAD_WIDTH };
    const pool = new Piscina({ filename, ...sizes });
    await pool.run(0);
    return (value) => pool.run(value);
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

/** Runs `count` tasks, `width` at a time. */
async function usPerTask(run: RunOne, count: number, width: number): Promise<number> {
  let left = count;
  const lane = async () => {
    while (left > 0) await run(left--);
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: width }, lane));
  return ((performance.now() - startMs) * 1000) / count;
}

class Measuring {
  readonly #node: ClusterNode;
  readonly #ours: RunOne;
  #piscina: RunOne | null = null;

  constructor(node: ClusterNode, tasks: Tasks) {
    this.#node = node;
    this.#ours = (value) => tasks.run(OVERHEAD_POOL, value).result;
  }

  async obey(command: OverheadCommand): Promise<void> {
    switch (command.type) {
      case 'connect': {
        await this.#node.connect(command);
        await this.#ours(0);
        this.#piscina = await startPiscina();
        return report({ type: 'linked', hasPiscina: this.#piscina !== null });
      }
      case 'measure': {
        const { side, count, width } = command;
        const run = side === 'ours' ? this.#ours : (this.#piscina as RunOne);
        return report({ type: 'measured', usPerTask: await usPerTask(run, count, width) });
      }
      case 'finish':
        await this.#node.close();
        process.disconnect();
    }
  }
}

async function start(setup: OverheadSetup): Promise<void> {
  const { role, name, planes, port, keyFile } = setup;
  const node = await startNode({ name, planes, port, keyFile, profile: 'lan' });
  const tasks = startTasks(node);
  if (role === 'worker') tasks.serve(OVERHEAD_POOL, nothing, { concurrency: OVERHEAD_WIDTH });
  const measuring = new Measuring(node, tasks);
  process.on('message', (command: OverheadCommand) => {
    measuring.obey(command).catch(reportFailure);
  });
  report({ type: 'ready' });
}

// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
start(JSON.parse(process.argv[2]!) as OverheadSetup).catch(reportFailure);
