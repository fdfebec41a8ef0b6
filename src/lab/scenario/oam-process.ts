/**
 * A program for operation and maintenance in the scenario `oam`: it takes snapshots of the
 * configuration, watches it, writes to it, or asks what an operator asks.
 */
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTROLLER_CONTROL, type Config, type ConfigWatch, openConfig } from '../../cluster.js';
import { BackplaneError, LabError } from '../../errors.js';
import { startNode } from '../../index.js';
import { postControl } from '../../observe/control-post-client.js';
import { Recorder } from '../recording/recorder.js';
import {
  type OamCommand,
  type OamDone,
  type OamReport,
  type OamRole,
  type OamSetup,
  oamFiles,
  WATCHED,
} from './oam-protocol.js';
import { Pacer } from './pacer.js';

const FILL_WRITES = 4000;
const FILL_BYTES = 100;
/** Whatever else the machine does meanwhile. */
const FILL_DEADLINE_MS = 120_000;
const WATCHED_KEYS = 64;
const WRITES_MAX = 100_000;
const WRITES_PER_SECOND = 10;
const WRITE_DEADLINE_MS = 15_000;
/** Between two looks at logs, and at all else, of somebody who follows both. */
const LOGS_EVERY_MS = 200;
const STATUS_EVERY_MS = 1000;

type Done = { -readonly [Name in keyof OamDone]: OamDone[Name] };

const done: Done = {
  snapshotsMs: [],
  watchEvents: 0,
  refused: 0,
  logReads: 0,
  logBytes: 0,
  statuses: 0,
  scrapes: 0,
  unansweredQuestions: [],
};

/** The revision that a writer has filled the configuration with. */
let written = 0;

/** What one of them does. */
interface Actor {
  begin(): void;
  rest(): Promise<void>;
  finish(): Promise<void>;
}

function report(message: OamReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

/** Does something again and again. */
abstract class Repeater implements Actor {
  #isResting = true;
  #running: Promise<void> = Promise.resolve();

  begin(): void {
    this.#isResting = false;
    this.#running = this.#run();
  }

  async rest(): Promise<void> {
    this.#isResting = true;
    await this.interrupt();
    await this.#running;
  }

  async finish(): Promise<void> {}

  protected get isResting(): boolean {
    return this.#isResting;
  }

  protected abstract once(): Promise<void>;

  /** Has what is under way end early. */
  protected async interrupt(): Promise<void> {}

  async #run(): Promise<void> {
    while (!this.#isResting) await this.once();
  }
}

/** Node and configuration of a role; a client has no store. */
async function openAt(setup: OamSetup, store: string | null) {
  const { name, planes, port, keyFile, profile, peers } = setup;
  const node = await startNode({ name, planes, port, keyFile, profile });
  await Promise.all(peers.map((peer) => node.connect(peer)));
  const masters = peers.map((peer) => peer.name);
  const open = () => openConfig(node, { store, masters });
  const opened = async () => {
    const config = await open();
    await readable(config);
    return config;
  };
  return { node, open, opened };
}

async function readable(config: Config): Promise<void> {
  if (config.view !== null) return;
  await new Promise<void>((resolve) => void config.once('readable', () => resolve()));
}

class Snapshots extends Repeater {
  readonly #store: string;
  readonly #revision: number;
  readonly #open: () => Promise<Config>;
  #stop: () => void = () => {};

  constructor(store: string, revision: number, open: () => Promise<Config>) {
    super();
    this.#store = store;
    this.#revision = revision;
    this.#open = open;
  }

  protected override async once(): Promise<void> {
    const startMs = performance.now();
    const config = await this.#open();
    const stopped = new Promise<void>((resolve) => {
      this.#stop = resolve;
    });
    if (!this.isResting) await Promise.race([this.#whole(config), stopped]);
    if (!this.isResting) {
      done.snapshotsMs = [...done.snapshotsMs, performance.now() - startMs];
      report({ type: 'event' });
    }
    await config.close();
    rmSync(this.#store, { recursive: true, force: true });
  }

  protected override async interrupt(): Promise<void> {
    this.#stop();
  }

  /** All keys are here: those of the snapshot itself, and of revisions that follow it. */
  async #whole(config: Config): Promise<void> {
    while ((config.view?.revision ?? 0) < this.#revision) {
      await new Promise<void>((resolve) => void config.once('commit', () => resolve()));
    }
  }
}

class Watcher implements Actor {
  readonly #config: Config;
  readonly #watchers: number;
  readonly #folder: string;
  readonly #seen = new Recorder(WRITES_MAX);
  #crowd: ConfigWatch[] = [];

  constructor(config: Config, { watchers, folder }: OamSetup) {
    this.#config = config;
    this.#watchers = watchers;
    this.#folder = folder;
    const after = config.view!;
    config.watch(WATCHED, {
      after,
      onEvent: (event) => {
        if (event.type !== 'changes') throw new TypeError(`a watch was told ${event.type}`);
        for (const change of event.changes) {
          if (change.type === 'put') this.#seen.record(change.value as number);
        }
      },
    });
  }

  /** One of them is there all the time. */
  begin(): void {
    const onEvent = () => {
      done.watchEvents++;
    };
    this.#crowd = Array.from({ length: this.#watchers - 1 }, () =>
      this.#config.watch(WATCHED, { after: this.#config.view!, onEvent }),
    );
  }

  async rest(): Promise<void> {
    for (const watch of this.#crowd.splice(0)) watch.close();
  }

  finish(): Promise<void> {
    return this.#seen.save(path.join(this.#folder, oamFiles.seen));
  }
}

class Writer implements Actor {
  readonly #config: Config;
  readonly #folder: string;
  readonly #written = new Recorder(WRITES_MAX);
  readonly #open = new Set<Promise<void>>();
  #pacer: Pacer | null = null;

  constructor(config: Config, { folder }: OamSetup) {
    this.#config = config;
    this.#folder = folder;
  }

  /** All there is, before anything is measured. @returns the revision that ends it. */
  async fill({ entries, keys }: OamSetup): Promise<number> {
    const value = Buffer.alloc(FILL_BYTES, 1);
    const options = { deadlineMs: FILL_DEADLINE_MS };
    const write = entries.map(([put, item]) => ({ put, value: item }));
    let { revision } = await this.#config.transaction({ write }, options);
    for (let at = 0; at < keys; at += FILL_WRITES) {
      const count = Math.min(FILL_WRITES, keys - at);
      const put = (i: number) => `cluster/oam/kept/${at / FILL_WRITES}/${i}`;
      const part = Array.from({ length: count }, (_, i) => ({ put: put(i), value }));
      ({ revision } = await this.#config.transaction({ write: part }, options));
    }
    return revision;
  }

  begin(): void {
    this.#pacer = new Pacer(WRITES_PER_SECOND, Number.POSITIVE_INFINITY, {
      send: () => this.#write(),
      done: () => {},
    });
    this.#pacer.start();
  }

  async rest(): Promise<void> {
    this.#pacer?.stop();
    this.#pacer = null;
    await Promise.all(this.#open);
  }

  finish(): Promise<void> {
    return this.#written.save(path.join(this.#folder, oamFiles.written));
  }

  #write(): void {
    const number = this.#written.count;
    this.#written.record(number);
    const key = `${WATCHED}/${number % WATCHED_KEYS}`;
    const put = this.#config.put(key, number, { deadlineMs: WRITE_DEADLINE_MS }).then(
      () => {},
      () => {
        done.refused++;
      },
    );
    this.#open.add(put);
    void put.then(() => this.#open.delete(put));
  }
}

class Operator extends Repeater {
  readonly #setup: OamSetup;
  #statusMs = Number.NEGATIVE_INFINITY;

  constructor(setup: OamSetup) {
    super();
    this.#setup = setup;
  }

  protected override async once(): Promise<void> {
    const { logs, control } = this.#setup;
    for (const { host, worker } of logs) {
      await this.#question('logs', async () => {
        const answer = await this.#ask({ ask: 'worker', host, command: 'logs', worker });
        done.logReads++;
        done.logBytes += (answer as { readonly text: string }).text.length;
      });
    }
    if (performance.now() - this.#statusMs >= STATUS_EVERY_MS) {
      this.#statusMs = performance.now();
      await this.#question('status', async () => {
        await this.#ask({ ask: 'status' });
        done.statuses++;
      });
      await this.#question('metrics', async () => {
        await scrape(control);
        done.scrapes++;
      });
    }
    await sleep(LOGS_EVERY_MS);
  }

  /** One that comes to nothing is counted: an operator asks again. */
  async #question(what: string, ask: () => Promise<void>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      const code = (error as { readonly code?: unknown }).code;
      if (typeof code !== 'string') throw error;
      done.unansweredQuestions = [...done.unansweredQuestions, `${what} ${code}`];
    }
  }

  async #ask(body: object): Promise<unknown> {
    let answer: unknown;
    for await (const line of postControl(this.#setup.control, CONTROLLER_CONTROL, body)) {
      answer = line;
    }
    return answer;
  }
}

/** Reads the metrics of a controller. */
function scrape(socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/metrics' }, (response) => {
      response.resume().once('end', resolve).once('error', reject);
      if (response.statusCode !== 200)
        reject(new LabError('ERR_LAB', `metrics: ${response.statusCode}`));
    });
    asked.once('error', reject).end();
  });
}

function storeOf({ folder, name }: OamSetup): string {
  return path.join(folder, name);
}

const actors: Readonly<Record<OamRole, (setup: OamSetup) => Promise<Actor>>> = {
  snapshots: async (setup) => {
    const { open } = await openAt(setup, storeOf(setup));
    return new Snapshots(storeOf(setup), setup.revision, open);
  },
  watcher: async (setup) => new Watcher(await (await openAt(setup, null)).opened(), setup),
  writer: async (setup) => {
    const writer = new Writer(await (await openAt(setup, storeOf(setup))).opened(), setup);
    written = await writer.fill(setup);
    return writer;
  },
  operator: async (setup) => new Operator(setup),
};

async function obey(actor: Actor, command: OamCommand): Promise<void> {
  switch (command.type) {
    case 'begin':
      return actor.begin();
    case 'rest':
      await actor.rest();
      return report({ type: 'rested' });
    case 'finish':
      await actor.finish();
      report({ type: 'finished', done });
      process.disconnect();
  }
}

async function main(): Promise<void> {
  const setup = JSON.parse(process.argv[2]!) as OamSetup;
  const actor = await actors[setup.role](setup);
  process.on('message', (command: OamCommand) => {
    obey(actor, command).catch(reportFailure);
  });
  report({ type: 'ready', revision: written });
}

// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
process.on('unhandledRejection', reportFailure);
main().catch(reportFailure);
