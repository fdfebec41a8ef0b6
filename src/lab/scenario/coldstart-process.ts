/** One process of the scenario `coldstart`: a node with the configuration, as `serve` has it. */
import {
  BackplaneError,
  CONFIG_CONTROL,
  type Config,
  ConfigError,
  configControl,
  openConfig,
} from '../../cluster.js';
import { type ClusterNode, startNode } from '../../index.js';
import { type ControlServer, serveControl } from '../../observe/index.js';
import { sha256 } from '../../runtime/crypto.js';
import {
  type ColdStartCommand,
  type ColdStartEvent,
  type ColdStartReport,
  type ColdStartSetup,
  type NodeStatus,
  pairOf,
  type ReadState,
  type WriteOutcome,
} from './coldstart-protocol.js';

/** Writes under way at once. */
const WRITES = 4;
/** A writer that is refused waits so long, as a program would. */
const REFUSED_MS = 50;

const NOTHING: ReadState = { lineage: '', revision: 0, digest: '', items: {} };

function report(message: ColdStartReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

function tell(event: ColdStartEvent): void {
  report({ type: 'event', atNs: String(process.hrtime.bigint()), event });
}

class Keeper {
  readonly #node: ClusterNode;
  readonly #config: Config;
  readonly #control: ControlServer;
  #prefix: string | null = null;
  #written = 0;
  #underWay = 0;

  constructor(node: ClusterNode, config: Config, control: ControlServer) {
    this.#node = node;
    this.#config = config;
    this.#control = control;
    const status = () => tell({ kind: 'status', status: this.#status() });
    config.on('status', status);
    config.on('readable', () => {
      status();
      tell({ kind: 'readable' });
    });
    config.on('down', () => tell({ kind: 'down' }));
    config.on('up', () => tell({ kind: 'up' }));
    node.on('nodeup', ({ name }) => tell({ kind: 'nodeup', peer: name }));
    node.on('nodedown', ({ name }) => tell({ kind: 'nodedown', peer: name }));
    status();
    // Others may have linked with it while it opened its store.
    for (const { name } of node.nodes) tell({ kind: 'nodeup', peer: name });
  }

  async obey(command: ColdStartCommand): Promise<void> {
    switch (command.type) {
      case 'write':
        this.#prefix = command.prefix;
        this.#written = 0;
        for (let count = 0; count < WRITES; count++) void this.#writeOn(command.prefix);
        return;
      case 'rest':
        this.#prefix = null;
        return this.#tellIfRested();
      case 'put':
        return this.#put(command);
      case 'read':
        return this.#read(command);
      case 'stop':
        this.#prefix = null;
        await this.#control.close();
        await this.#config.close();
        await this.#node.close();
        process.disconnect();
    }
  }

  async #writeOn(prefix: string): Promise<void> {
    this.#underWay++;
    while (this.#prefix === prefix) {
      const outcome = await this.#writeOne(prefix, this.#written++);
      if (outcome === 'refused') await new Promise((done) => setTimeout(done, REFUSED_MS));
    }
    this.#underWay--;
    this.#tellIfRested();
  }

  async #writeOne(prefix: string, number: number): Promise<WriteOutcome> {
    const write = pairOf(prefix, number).map((put) => ({ put, value: number }));
    let outcome: WriteOutcome = 'acknowledged';
    let revision = 0;
    try {
      ({ revision } = await this.#config.transaction({ write }));
    } catch (error) {
      outcome = codeOf(error) === 'ERR_OUTCOME_UNKNOWN' ? 'unknown' : 'refused';
    }
    tell({ kind: 'written', number, outcome, revision });
    return outcome;
  }

  #tellIfRested(): void {
    if (this.#prefix === null && this.#underWay === 0) report({ type: 'rested' });
  }

  async #put({ key, value, deadlineMs }: ColdStartCommand & { type: 'put' }): Promise<void> {
    try {
      const { revision } = await this.#config.put(key, value, { deadlineMs });
      report({ type: 'put', code: null, revision });
    } catch (error) {
      report({ type: 'put', code: codeOf(error), revision: 0 });
    }
  }

  async #read(command: ColdStartCommand & { type: 'read' }): Promise<void> {
    const { fresh, prefix, deadlineMs } = command;
    try {
      const view = await this.#config.read({ fresh, deadlineMs });
      const { lineage, revision } = view;
      const digest = sha256(JSON.stringify(view.range(''))).toString('hex');
      const found = view.range(prefix).map(({ key, value }) => [key, value] as const);
      const state = { lineage, revision, digest, items: Object.fromEntries(found) };
      report({ type: 'read', code: null, state });
    } catch (error) {
      report({ type: 'read', code: codeOf(error), state: NOTHING });
    }
  }

  #status(): NodeStatus {
    const { record, role, readable, last, isWritable, isDown, missing, troubles, setAside } =
      this.#config.status;
    return {
      role,
      lineage: record?.lineage ?? '',
      epoch: record?.epoch ?? 0,
      cause: record?.cause.kind ?? '',
      readable: readable?.revision ?? null,
      last: last.revision,
      isWritable,
      isDown,
      missing,
      troubles: troubles.map(({ name, code }) => `${name} ${code}`),
      setAside,
    };
  }
}

/** What is no error of the configuration is one of this program. */
function codeOf(error: unknown) {
  if (error instanceof ConfigError) return error.code;
  throw error;
}

async function start(setup: ColdStartSetup): Promise<Keeper> {
  const { name, planes, keyFile, profile, peers, store, masters, loadMs, control } = setup;
  const node = await startNode({ name, planes, keyFile, profile });
  const config = await openConfig(node, { store, masters, loadMs });
  const openNs = process.hrtime.bigint();
  const posts = { [CONFIG_CONTROL]: configControl(config) };
  const keeper = new Keeper(node, config, await serveControl(node, { path: control, posts }));
  // Each resolves when the peer is up, which may be never, and rejects when the node is closed.
  for (const peer of peers) node.connect(peer).catch(() => {});
  report({ type: 'ready', atNs: String(openNs) });
  return keeper;
}

const starting = start(JSON.parse(process.argv[2]!) as ColdStartSetup);
starting.catch(reportFailure);
// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
process.on('message', (command: ColdStartCommand) => {
  starting.then((keeper) => keeper.obey(command)).catch(reportFailure);
});
