/** One keeper and its worker, from its start or its adoption until what it left is removed. */
import { dirname, join } from 'node:path';
import { limits } from '../limits.js';
import { spawn } from '../runtime/child-process.js';
import { createPrivateFile, readTextFile } from '../runtime/files.js';
import { makeFolder, namesIn, removeFolder, renameFile } from '../runtime/folder.js';
import type { Runtime, Timers } from '../runtime/index.js';
import { connectLines, type Duplex, LineStream } from '../runtime/line-stream.js';
import { isRunning } from '../runtime/process-identity.js';
import {
  type KeeperSetup,
  type KeeperState,
  keeperFile,
  keeperMemo,
  keeperState,
  type StoredEnding,
  storedEnding,
} from './keeper-text.js';
import type { Ending } from './supervisor-io.js';
import type { WorkerSpec } from './worker-spec.js';

/** What is told of a keeper, in order. */
export interface KeeperEvents {
  state(state: KeeperState): void;
  /** The last that is told. */
  ended(ending: Ending): void;
}

/** What is found in the folder of a keeper that another controller has started. */
export type Found =
  /** It never came to be, and cannot any more. */
  | { readonly type: 'nothing' }
  | { readonly type: 'running'; readonly spec: WorkerSpec | null; readonly identity: string }
  | {
      readonly type: 'ended';
      readonly spec: WorkerSpec | null;
      readonly stored: StoredEnding;
      /** Somebody was told, and it is kept to be remembered. */
      readonly wasTold: boolean;
    };

const FILE_BYTES = 1024 * 1024;
const ENDING_BYTES = 1024;
/** What the name of a folder begins with that is being removed. */
export const GONE = 'gone-';
/** Names of files; addon/keeper has the same. */
const SPEC = 'spec';
const EXIT = 'exit';
const TOLD = 'told';
const KEEPER = /^keeper\.(\d+)\.(\d+)$/;

async function textOf(path: string, bytes: number): Promise<string | null> {
  try {
    return await readTextFile(path, bytes);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}

/** How the worker of a folder has ended; null: that is not there. */
async function endingIn(folder: string, name: string): Promise<StoredEnding | null> {
  const text = await textOf(join(folder, name), ENDING_BYTES);
  return text === null ? null : storedEnding(text);
}

/**
 * Looks at a folder. Whoever looks at one whose keeper has not yet begun keeps it from beginning.
 */
export async function findKeeper(folder: string): Promise<Found> {
  for (;;) {
    const names = (await namesIn(folder)) ?? [];
    const name = names.find((each) => KEEPER.test(each));
    if (name === undefined) {
      // Of the keeper's renaming and this one, one fails.
      if (names.includes(SPEC) && !(await renameFile(join(folder, SPEC), join(folder, 'void')))) {
        continue;
      }
      return { type: 'nothing' };
    }
    const memo = keeperMemo((await textOf(join(folder, name), FILE_BYTES)) ?? '');
    const spec = memo?.spec ?? null;
    const [, pid, ticks] = KEEPER.exec(name) as RegExpExecArray;
    const identity = `${pid} ${ticks} ${memo?.boot ?? ''}`;
    // First whether it runs: what it leaves is there before it ends.
    const runs = isRunning(identity);
    const told = await endingIn(folder, TOLD);
    if (told !== null) return { type: 'ended', spec, stored: told, wasTold: true };
    const stored = await endingIn(folder, EXIT);
    if (stored !== null) return { type: 'ended', spec, stored, wasTold: false };
    if (runs) return { type: 'running', spec, identity };
    return { type: 'ended', spec, stored: LOST, wasTold: false };
  }
}

/** It left nothing. */
const LOST: StoredEnding = { ending: { kind: 'lost' }, wasAsked: false };

export class Keeper {
  readonly spec: WorkerSpec;
  /** Tells it from all others, of this worker too. */
  readonly instance: string;
  readonly folder: string;
  /** The newest that it told. */
  state: KeeperState | null = null;
  /** Its worker was sent a signal, by whichever controller: it is to end. */
  wasAsked = false;
  readonly #events: KeeperEvents;
  readonly #timers: Timers;
  #stream: LineStream | null = null;
  /** What it is to be sent once it is there. */
  #waiting: string[] = [];
  #isEnded = false;
  #isDetached = false;
  #ended: () => void = () => {};
  #answered: () => void = () => {};
  /** When its stream is closed for good: it has ended. */
  readonly gone = new Promise<void>((resolve) => {
    this.#ended = resolve;
  });

  /** @param runFolder that of all instances */
  constructor(
    spec: WorkerSpec,
    instance: string,
    runFolder: string,
    { timers }: Pick<Runtime, 'timers'>,
    events: KeeperEvents,
  ) {
    this.spec = spec;
    this.#timers = timers;
    this.instance = instance;
    this.folder = join(runFolder, instance);
    this.#events = events;
  }

  /** Makes the folder, and starts the keeper in it. Rejects with Node's own errors. */
  async start(program: string, setup: KeeperSetup): Promise<void> {
    await makeFolder(this.folder);
    const draft = join(this.folder, 'draft');
    await createPrivateFile(draft, keeperFile(setup), false);
    await renameFile(draft, join(this.folder, SPEC));
    if (this.#isDetached) return;
    const child = spawn(program, [this.folder, this.spec.name], {
      detached: true,
      cwd: '/',
      // What the controller has is nothing to its workers.
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    this.#use(new LineStream(child.stdio[3] as Duplex, limits.keeperLineBytes, this.#lines));
  }

  /**
   * Goes on with one that another controller has started. Resolves when it has told how it is, or
   * how it has ended; or when it has not answered in time, though it runs.
   */
  adopt(): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = this.#timers.after(limits.keeperAnswerMs, resolve);
      this.#answered = () => {
        timer.cancel();
        resolve();
      };
      void this.#connect().then((isThere) => (isThere ? undefined : this.#reach()));
    });
  }

  /** It could not be started at all, or ended before it began. */
  failed(errno: number): void {
    this.#end({ kind: 'failed', errno: Math.abs(errno), at: 'keeper' });
    this.#ended();
  }

  /** Its worker has ended, or it was let go of. */
  get isOver(): boolean {
    return this.#isEnded;
  }

  signal(number: number): void {
    this.#send(`signal ${number}`);
  }

  /** Removes what it has left: all at once for whoever finds the folder next. */
  async remove(): Promise<void> {
    const gone = join(dirname(this.folder), `${GONE}${this.instance}`);
    if (await renameFile(this.folder, gone)) await removeFolder(gone);
  }

  /** Keeps how it has ended, as something that was told. */
  async remember(): Promise<void> {
    const isKept = await renameFile(join(this.folder, EXIT), join(this.folder, TOLD));
    if (!isKept) await this.remove();
  }

  /** Lets go of it; it runs on. */
  detach(): void {
    this.#isDetached = true;
    this.#isEnded = true;
    this.#stream?.close();
  }

  readonly #lines = {
    line: (text: string): void => this.#heard(keeperState(text)),
    closed: (): void => {
      this.#stream = null;
      if (!this.#isDetached) void this.#reach();
    },
  };

  /**
   * Connects with it, or finds how it has ended. Where neither can be, though it runs (this process
   * may have no descriptor left), that is tried again now and then: it is never given up.
   */
  async #reach(): Promise<void> {
    while (!this.#isDetached) {
      const found = await findKeeper(this.folder).catch(() => null);
      if (found?.type === 'nothing') return this.failed(0);
      if (found?.type === 'ended') {
        this.wasAsked = found.stored.wasAsked;
        this.#end(found.stored.ending);
        break;
      }
      if (found?.type === 'running' && (await this.#connect())) return;
      await this.#aMoment();
    }
    this.#ended();
  }

  /** Whether it could. */
  async #connect(): Promise<boolean> {
    try {
      const path = join(this.folder, 'control');
      this.#use(await connectLines(path, limits.keeperLineBytes, this.#lines));
      return true;
    } catch {
      return false;
    }
  }

  #aMoment(): Promise<void> {
    return new Promise((resolve) => {
      this.#timers.after(limits.keeperRetryMs, resolve, { unref: true });
    });
  }

  #use(stream: LineStream): void {
    this.#stream = stream;
    if (this.#isDetached) stream.close();
    for (const line of this.#waiting.splice(0)) stream.write(line);
  }

  #send(line: string): void {
    if (this.#stream === null) this.#waiting.push(line);
    else this.#stream.write(line);
  }

  #heard(state: KeeperState): void {
    if (this.#isEnded) return;
    this.state = state;
    this.wasAsked = state.signalled !== 0;
    this.#events.state(state);
    this.#answered();
    // On the disk already, unless that is full: then the keeper waits for this word.
    if (state.ending !== null) {
      this.#end(state.ending);
      this.#send('taken');
    }
  }

  #end(ending: Ending): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#events.ended(ending);
    this.#answered();
  }
}
