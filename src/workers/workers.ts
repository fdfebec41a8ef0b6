/**
 * Runs the workers of one host: connects the supervisor with keepers, with the disk and with time.
 * In its folder:
 *
 *     lock                  the controller that has it
 *     run/<instance>/       a keeper's own (keeper.ts)
 *     output/<worker>/      what workers say (worker-log.ts)
 *     held/<worker>         an operator has stopped it
 */
import { join } from 'node:path';
import { WorkerError } from '../errors.js';
import { limits } from '../limits.js';
import { Alarm } from '../node/alarm.js';
import { rethrowLater } from '../node/teller.js';
import { createPrivateFile } from '../runtime/files.js';
import {
  letThrough,
  makePrivateFolder,
  namesIn,
  removeFile,
  removeFolder,
} from '../runtime/folder.js';
import { type Runtime, systemRuntime } from '../runtime/index.js';
import { type FileLock, takeLock } from '../runtime/lock-file.js';
import { processIdentity } from '../runtime/process-identity.js';
import { logEvent } from './event-log.js';
import { findKeeper, GONE, Keeper } from './keeper.js';
import { keeperProgram } from './keeper-program.js';
import type { KeeperState } from './keeper-text.js';
import type { WorkerEvent, WorkersOptions, WorkersView } from './options.js';
import { stopSignals } from './signals.js';
import { Supervisor } from './supervisor.js';
import type {
  SupervisorEvent,
  SupervisorInput,
  SupervisorOutput,
  SuspendReason,
} from './supervisor-io.js';
import { workerEnvironment } from './worker-environment.js';
import { followOutput, outputFolder, outputPath, readOutput } from './worker-log.js';
import { type Desired, type WorkerSpec, workerSpec } from './worker-spec.js';

/** The name of an instance has two characters for each of these. */
const INSTANCE_BYTES = 6;
const INSTANCE = /^[0-9a-f]{12}$/;

/** One that has ended and was not yet cleared away. */
interface Ended {
  readonly keeper: Keeper;
  /** When whoever was told has done with it. */
  heard: Promise<void> | undefined;
}

/** The workers of one host, as they are run; made by `startWorkers`. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #runtime: Runtime;
  readonly #program: string;
  readonly #lock: FileLock;
  readonly #machine: Supervisor;
  /** Of each worker that has a process, its keeper. */
  readonly #keepers = new Map<string, Keeper>();
  /** Of those that have ended for good, what is kept to be remembered. */
  readonly #remembered = new Map<string, Keeper>();
  readonly #alarm: Alarm;
  /** What is under way on the disk. */
  readonly #works = new Set<Promise<void>>();
  /** Each gives up waiting for somebody else. */
  readonly #waits = new Set<() => void>();
  readonly #runFolder: string;
  /** The newest process of each worker, also of one that has ended. */
  readonly #instances = new Map<string, string>();
  readonly #inputs: SupervisorInput[] = [];
  readonly #ended: Ended[] = [];
  /** Those that were told to have ended for good, until they are cleared away. */
  readonly #finished = new Set<string>();
  #holding: Promise<void> = Promise.resolve();
  #isDesireKnown = false;
  #isClosed = false;

  private constructor(options: WorkersOptions, program: string, lock: FileLock) {
    this.#options = options;
    this.#runFolder = join(options.folder, 'run');
    this.#runtime = options.runtime ?? systemRuntime;
    this.#program = program;
    this.#lock = lock;
    this.#machine = new Supervisor(this.#runtime.clock.nowMs());
    // What has come already is read before anybody is found to be late.
    this.#alarm = new Alarm(this.#runtime, () => {
      this.#runtime.timers.after(0, () => this.#feed({ type: 'tick' }));
    });
  }

  /** @see startWorkers */
  static async start(options: WorkersOptions): Promise<Workers> {
    const { folder } = options;
    const longest = join(folder, 'run', 'xx'.repeat(INSTANCE_BYTES), 'notify.stream');
    if (Buffer.byteLength(longest) > limits.socketPathBytes) {
      throw new WorkerError('ERR_KEEPER', `${folder} is too long a path for sockets of workers`);
    }
    const program = options.keeper ?? (await keeperProgram());
    for (const name of ['run', 'output', 'held']) await makePrivateFolder(join(folder, name));
    // Workers of other users have to reach the sockets of their keepers.
    for (const path of [folder, join(folder, 'run')]) await letThrough(path);
    const lock = await takeLock(join(folder, 'lock'));
    if (typeof lock === 'string') {
      const [pid] = lock.split(' ');
      throw new WorkerError('ERR_STATE', `process ${pid} runs the workers of ${folder}`);
    }
    const workers = new Workers(options, program, lock);
    try {
      await workers.#find();
      return workers;
    } catch (error) {
      await workers.close();
      throw error;
    }
  }

  /** Says what this host is to run; what differs is changed. Nothing changes before the first. */
  desire(desired: Desired): void {
    this.#feed({ type: 'desire', desired });
  }

  /** All workers, as they are now. */
  view(): WorkersView {
    const { workers, ...rest } = this.#machine.view(this.#runtime.clock.nowMs());
    return {
      ...rest,
      workers: workers.map((worker) => {
        const keeper = this.#keepers.get(worker.name);
        return {
          ...worker,
          instance: keeper?.instance ?? null,
          text: keeper?.state?.text ?? '',
          droppedBytes: keeper?.state?.droppedBytes ?? 0,
        };
      }),
    };
  }

  /**
   * Starts a worker that was stopped, has ended or was given up; with it, its group is taken up.
   * @throws WorkerError ERR_WORKER_UNKNOWN.
   */
  start(worker: string): void {
    this.#command('start', worker);
  }

  /** Stops a worker until it is started. @throws WorkerError ERR_WORKER_UNKNOWN. */
  stop(worker: string): void {
    this.#command('stop', worker);
  }

  /** Stops and starts a worker, that one alone. @throws WorkerError ERR_WORKER_UNKNOWN. */
  restart(worker: string): void {
    this.#command('restart', worker);
  }

  /** Stops all workers for a reason, or takes that reason back. `suspended` is told at the end. */
  suspend(reason: SuspendReason, isOn: boolean): void {
    this.#feed({ type: 'suspend', reason, isOn });
  }

  /**
   * The end of a worker's output.
   * @param bytes at most limits.workerLogMostBytes
   * @throws (rejects) WorkerError ERR_WORKER_UNKNOWN; Node's file errors.
   */
  async logs(worker: string, bytes: number = limits.workerLogBytes): Promise<string> {
    this.#check(worker);
    return readOutput(this.#options.folder, worker, bytes);
  }

  /**
   * What a worker puts out from now on, in pieces of text, until the signal is aborted.
   * @param lastBytes of what it has put out already, to begin with: at most limits.workerLogBytes.
   *   Default 0.
   * @throws WorkerError ERR_WORKER_UNKNOWN.
   */
  follow(worker: string, signal: AbortSignal, lastBytes = 0): AsyncIterable<string> {
    this.#check(worker);
    return followOutput(this.#options.folder, worker, this.#runtime, signal, lastBytes);
  }

  /**
   * Lets go of all workers; they run on, and whoever starts next adopts them. What was told and is
   * not done with within limits.workersCloseMs is told again then.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#alarm.set(null);
    for (const keeper of this.#keepers.values()) keeper.detach();
    const late = this.#runtime.timers.after(limits.workersCloseMs, () => {
      for (const giveUp of this.#waits) giveUp();
    });
    while (this.#works.size > 0) await Promise.all(this.#works);
    late.cancel();
    await this.#lock.release();
  }

  #check(worker: string): void {
    if (this.#machine.has(worker)) return;
    throw new WorkerError('ERR_WORKER_UNKNOWN', `there is no worker ${worker}`, { worker });
  }

  #command(command: 'start' | 'stop' | 'restart', worker: string): void {
    this.#check(worker);
    this.#hold(worker, command === 'stop');
    this.#feed({ type: 'command', command, worker });
  }

  /** Notes for the next controller, in order, whether a worker is to stay stopped. */
  #hold(worker: string, isHeld: boolean): void {
    const path = join(this.#options.folder, 'held', worker);
    const before = this.#holding;
    this.#holding = this.#work(async () => {
      await before;
      await removeFile(path);
      if (isHeld) await createPrivateFile(path, '', false);
    });
  }

  /** Does something on the disk; what fails there is told to the log alone. */
  #work(what: () => Promise<void>): Promise<void> {
    const work = what().catch((error: Error) => {
      this.#options.log?.error({ err: error }, 'the folder of the workers');
    });
    this.#works.add(work);
    void work.then(() => this.#works.delete(work));
    return work;
  }

  /** Waits for what others do. False: this was closed, and they took too long. */
  #others(work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const giveUp = () => resolve(false);
      this.#waits.add(giveUp);
      const isOver = () => void this.#waits.delete(giveUp);
      work.then(() => resolve(true), reject).then(isOver);
    });
  }

  /** Steps what has happened and does what comes of it, until there is nothing more. */
  #feed(input: SupervisorInput): void {
    if (this.#isClosed) return;
    this.#inputs.push(input);
    // What an output leads to at once is stepped by the turn that is under way.
    if (this.#inputs.length > 1) return;
    for (let next = this.#inputs[0]; next !== undefined; next = this.#inputs[0]) {
      this.#machine.step(this.#runtime.clock.nowMs(), next);
      for (let output = this.#machine.poll(); output !== null; output = this.#machine.poll()) {
        this.#do(output);
      }
      if (next.type === 'desire') this.#isDesireKnown = true;
      this.#inputs.shift();
    }
    if (this.#isDesireKnown) this.#clearAway();
    const deadline = this.#machine.deadline();
    this.#alarm.set(Number.isFinite(deadline) ? deadline : null);
  }

  #do(output: SupervisorOutput): void {
    switch (output.type) {
      case 'start':
        return this.#start(output.spec);
      case 'signal':
        return this.#keepers.get(output.worker)?.signal(output.signal);
      case 'tell':
        return this.#tell(output.event);
    }
  }

  #tell(event: SupervisorEvent, of?: string): void {
    const worker = 'worker' in event ? event.worker : '';
    const instance = of ?? this.#instances.get(worker) ?? null;
    const told: WorkerEvent = { ...event, instance };
    logEvent(this.#options.log, told);
    if (event.type === 'finished') this.#finished.add(event.worker);
    if (event.type === 'forgotten') this.#forget(event.worker);
    const heard = this.#told(told);
    if (heard === undefined) return;
    const ended = this.#ended.find(({ keeper }) => keeper.instance === told.instance);
    if (event.type === 'ended' && ended !== undefined) ended.heard = heard;
    else {
      void this.#work(async () => {
        await this.#others(heard);
      });
    }
  }

  /** What whoever is told throws is its own fault, and must not end the step that is under way. */
  #told(event: WorkerEvent): Promise<void> | undefined {
    try {
      return this.#options.tell?.(event) ?? undefined;
    } catch (error) {
      rethrowLater(error);
      return undefined;
    }
  }

  /** Nobody desires it any more. */
  #forget(worker: string): void {
    this.#instances.delete(worker);
    const remembered = this.#remembered.get(worker);
    this.#remembered.delete(worker);
    if (remembered !== undefined) void this.#work(() => remembered.remove());
    this.#hold(worker, false);
  }

  #start(spec: WorkerSpec): void {
    const { folder, host, environment, cgroup = null } = this.#options;
    const remembered = this.#remembered.get(spec.name);
    this.#remembered.delete(spec.name);
    // What has ended in the same turn was not its end for good.
    this.#finished.delete(spec.name);
    const instance = this.#runtime.random.bytes(INSTANCE_BYTES).toString('hex');
    const keeper = this.#keep(spec, instance);
    this.#register(keeper);
    void this.#work(async () => {
      await remembered?.remove();
      await makePrivateFolder(outputFolder(folder, spec.name));
      const env = workerEnvironment(spec, keeper.folder, host, environment?.(spec) ?? {});
      const output = outputPath(folder, spec.name);
      try {
        await keeper.start(this.#program, { spec, env, output, boot: bootOf(), cgroup });
      } catch (error) {
        keeper.failed((error as NodeJS.ErrnoException).errno ?? 0);
      }
    });
  }

  /** Feeds what a keeper tells of its worker. */
  #keep(spec: WorkerSpec, instance: string): Keeper {
    const { name: worker } = spec;
    let isStalled = false;
    let isAsked = false;
    // One that answers late was taken over before it could say so.
    const asked = () => {
      if (keeper.wasAsked && !isAsked) this.#feed({ type: 'asked', worker });
      isAsked = keeper.wasAsked;
    };
    const keeper = new Keeper(spec, instance, this.#runFolder, this.#runtime, {
      state: (state) => {
        if (!this.#adopted(keeper, state)) {
          // Another one of this worker runs.
          if (state.ending === null) keeper.signal(stopSignals.SIGKILL);
          return;
        }
        if (state.isStarted) this.#feed({ type: 'started', worker, pid: state.pid });
        if (state.isReady) this.#feed({ type: 'ready', worker });
        asked();
        if (state.isStalled && !isStalled) this.#feed({ type: 'stalled', worker });
        ({ isStalled } = state);
      },
      ended: (ending) => {
        // Where the newest of its worker is remembered, this is an older one.
        const isOurs = !this.#remembered.has(worker) && this.#adopted(keeper, null);
        this.#ended.push({ keeper, heard: undefined });
        if (isOurs) {
          asked();
          this.#keepers.delete(worker);
          this.#feed({ type: 'ended', worker, ending });
        } else this.#tell({ type: 'ended', worker, ending, isExpected: true }, keeper.instance);
      },
    });
    return keeper;
  }

  #register(keeper: Keeper): void {
    this.#keepers.set(keeper.spec.name, keeper);
    this.#instances.set(keeper.spec.name, keeper.instance);
  }

  /** Tells of one that is met for the first time. False: its worker runs elsewhere. */
  #adopted(keeper: Keeper, state: KeeperState | null): boolean {
    const { spec } = keeper;
    const known = this.#keepers.get(spec.name);
    if (known !== undefined) return known === keeper;
    this.#register(keeper);
    this.#feed({
      type: 'adopted',
      spec,
      pid: state?.pid ?? null,
      isReady: state?.isReady ?? true,
      isStopping: keeper.wasAsked,
    });
    return true;
  }

  /** What has ended and was judged is removed, or kept where the next controller has to know. */
  #clearAway(): void {
    for (const { keeper, heard } of this.#ended.splice(0)) {
      const { name } = keeper.spec;
      const isFinal = this.#finished.delete(name);
      if (isFinal) this.#remembered.set(name, keeper);
      void this.#work(async () => {
        if (!(await this.#others(Promise.all([heard, keeper.gone])))) return;
        await (isFinal ? keeper.remember() : keeper.remove());
      });
    }
  }

  /** What earlier controllers have left. */
  async #find(): Promise<void> {
    const held = await namesIn(join(this.#options.folder, 'held'));
    this.#feed({ type: 'held', workers: held ?? [] });
    const names = (await namesIn(this.#runFolder)) ?? [];
    for (const name of names.filter((each) => each.startsWith(GONE))) {
      await removeFolder(join(this.#runFolder, name));
    }
    const instances = names.filter((name) => INSTANCE.test(name));
    // To the end of each: none may go on when this has failed.
    const found = await Promise.allSettled(instances.map((instance) => this.#findOne(instance)));
    for (const each of found) if (each.status === 'rejected') throw each.reason;
  }

  async #findOne(instance: string): Promise<void> {
    const folder = join(this.#runFolder, instance);
    const found = await findKeeper(folder);
    if (found.type === 'nothing') return removeFolder(folder);
    // One whose file cannot be read has a name that nobody desires.
    const spec = found.spec ?? workerSpec(`unknown-${instance}`, { command: ['?'] });
    if (found.type === 'ended' && found.wasTold) {
      const nobody = { state() {}, ended() {} };
      const kept = new Keeper(spec, instance, this.#runFolder, this.#runtime, nobody);
      this.#remembered.set(spec.name, kept);
      this.#feed({ type: 'remembered', spec, ending: found.stored.ending });
      return;
    }
    const keeper = this.#keep(spec, instance);
    await keeper.adopt();
    if (!keeper.isOver) this.#adopted(keeper, keeper.state);
  }
}

/** Which boot of this host it is. */
function bootOf(): string {
  return processIdentity().split(' ')[2] ?? '';
}

/**
 * Runs workers in a folder, which one process at a time may do, and adopts those that run there
 * already. Nothing is started or stopped before the first `desire`.
 * @throws (rejects) WorkerError ERR_KEEPER: there is no program for it, or the folder's path is too
 *   long; ERR_STATE: another process runs workers there. Node's file errors.
 */
export function startWorkers(options: WorkersOptions): Promise<Workers> {
  return Workers.start(options);
}
