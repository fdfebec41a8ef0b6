/** What really became of the processes of a host, whatever anybody was told of them. */
import { drainedKey, WHEN_DOWN_KEY } from '../../../src/controller/tree-keys.js';
import type { Ending, SuspendReason } from '../../../src/workers/supervisor-io.js';
import type { WorkerSpec } from '../../../src/workers/worker-spec.js';
import type { SimController } from './host-controller.js';
import type { SimKeeper } from './host-keeper.js';
import type { HostWorld } from './host-world.js';

/** One that its keeper has found to stand still is gone so soon, where a controller is at work. */
const STALL_SLACK_MS = 50;

/** Something that became of a process. */
export interface Deed {
  readonly what: 'began' | 'ready' | 'ended';
  readonly name: string;
  /** It stood still, as its keeper had found: it has failed, and nobody replaced it. */
  readonly hadStalled: boolean;
}

/** One that has ended for good. */
interface Finished {
  /** What it was. */
  readonly kind: string;
  /** Its last process. */
  readonly keeper: SimKeeper | undefined;
}

export class HostTruth {
  /** What has happened since it was looked at last. */
  deeds: Deed[] = [];
  readonly #world: HostWorld;
  /** Of each worker, the process that runs. */
  readonly #running = new Map<string, SimKeeper>();
  /** Who has told of the ending of a process. */
  readonly #tellers = new Map<SimKeeper, Set<SimController>>();
  /** Of each worker, the process whose ending was told last. */
  readonly #lastTold = new Map<string, SimKeeper>();
  /** Those that have ended for good, by name. */
  readonly #finished = new Map<string, Finished>();

  constructor(world: HostWorld) {
    this.#world = world;
  }

  /** The process of a worker; undefined: there is none. */
  processOf(name: string): SimKeeper | undefined {
    return this.#running.get(name);
  }

  /** All processes. */
  get running(): SimKeeper[] {
    return [...this.#running.values()];
  }

  /** A supervisor wants one to be started. */
  starts(spec: WorkerSpec): void {
    const { name } = spec;
    const other = this.#world.folders.find((keeper) => keeper.spec.name === name && keeper.isAlive);
    if (other !== undefined) this.#world.violated(`${name} is started, and runs already`);
    if (this.#world.held.has(name)) this.#world.violated(`${name} is started, and was stopped`);
    const isFinished = this.#finished.get(name)?.kind === kindOf(spec);
    this.#finished.delete(name);
    if (isFinished) this.#world.violated(`${name} is started, and has ended for good`);
  }

  began(keeper: SimKeeper): void {
    const { name } = keeper.spec;
    if (this.#running.has(name)) this.#world.violated(`${name} runs twice`);
    this.#running.set(name, keeper);
    this.#note('began', keeper);
  }

  ready(keeper: SimKeeper): void {
    this.#note('ready', keeper);
  }

  ended(keeper: SimKeeper): void {
    const { name } = keeper.spec;
    if (this.#running.get(name) === keeper) this.#running.delete(name);
    this.#note('ended', keeper);
    this.#world.counts.ended++;
  }

  /** A controller tells how a process has ended: once, and the next one only if that one died. */
  told(controller: SimController, keeper: SimKeeper | undefined, ending: Ending): void {
    if (keeper === undefined) return this.#world.violated('an ending of no process is told');
    this.#lastTold.set(keeper.spec.name, keeper);
    const what = `${keeper.spec.name}/${keeper.instance}`;
    if (JSON.stringify(keeper.ending) !== JSON.stringify(ending)) {
      this.#world.violated(`${what} has ended otherwise: ${JSON.stringify(keeper.ending)}`);
    }
    const tellers = this.#tellers.get(keeper) ?? new Set();
    if (tellers.has(controller)) this.#world.violated(`the ending of ${what} is told twice`);
    if (tellers.size > 0) this.#world.counts.toldAgain++;
    this.#tellers.set(keeper, tellers.add(controller));
  }

  /** What it left is gone. */
  removed(keeper: SimKeeper): void {
    if (keeper.ending === null || this.#tellers.has(keeper)) return;
    this.#world.violated(`how ${keeper.spec.name}/${keeper.instance} has ended is lost`);
  }

  finished(spec: WorkerSpec): void {
    const keeper = this.#lastTold.get(spec.name);
    this.#finished.set(spec.name, { kind: kindOf(spec), keeper });
  }

  /**
   * A controller finds a process that was sent a signal. What for, nobody has written down: where
   * that it ended for good was told and not kept yet, this one takes it for one that was to stop.
   */
  foundAsked(keeper: SimKeeper): void {
    const { name } = keeper.spec;
    if (this.#finished.get(name)?.keeper === keeper) this.#finished.delete(name);
  }

  /** It may start again, though it had ended for good. */
  mayStart(name: string): void {
    this.#finished.delete(name);
  }

  /** It is said whether anything is to run: as the host is drained, and as the policy has it. */
  suspended(reason: SuspendReason, isOn: boolean): void {
    const { tree, condition, host } = this.#world;
    const stops = tree.get(WHEN_DOWN_KEY)?.value === 'stop';
    const isDrained = tree.get(drainedKey(host))?.value === true;
    const expected = reason === 'drain' ? isDrained : condition === 'down' && stops;
    if (isOn !== expected) this.#world.violated(`${reason} is ${isOn}, not ${expected}`);
  }

  look(): void {
    const { time, controller } = this.#world;
    if (controller === null) return;
    const steadyMs = controller.steadySinceMs;
    for (const { spec, stalledSinceMs, isStopping, saidMs } of this.#running.values()) {
      if (stalledSinceMs === null || isStopping) continue;
      const sinceMs = Math.max(steadyMs, saidMs);
      if (time.nowMs - sinceMs < STALL_SLACK_MS) continue;
      this.#world.violated(`${spec.name} stands still since ${stalledSinceMs}`);
    }
  }

  #note(what: Deed['what'], { spec: { name }, stalledSinceMs }: SimKeeper): void {
    this.#world.trace.note(this.#world.time.nowMs, what, name);
    if (this.#world.isCalm) this.deeds.push({ what, name, hadStalled: stalledSinceMs !== null });
  }
}

/** Of a worker, what has ended when it has ended for good. */
function kindOf({ launch, restart }: WorkerSpec): string {
  return `${restart} ${launch}`;
}
