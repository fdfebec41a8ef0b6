/**
 * Who takes part in the scenario `oam`: a controller on each of three hosts, two of them masters;
 * a worker that calls another one, both started by controllers; and programs for operation and
 * maintenance. The worker that answers is on the host that has no master, where snapshots arrive
 * and watchers are.
 */
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../errors.js';
import type { PeerOptions } from '../../index.js';
import type { LabHost } from '../network/host.js';
import type { Lab } from '../network/lab.js';
import { CLUSTER_PROFILE, ClusterCast, type ClusterMember, plainMembers } from './cluster-cast.js';
import type {
  OamCommand,
  OamNode,
  OamReport,
  OamRole,
  OamSetup,
  OamWorkerCommand,
  OamWorkerReport,
  OamWorkerSetup,
} from './oam-protocol.js';
import { Party } from './party.js';
import { asService, groupOf, makeServices, type Services } from './service.js';
import { WorkerDoor } from './worker-door.js';

export const OAM_PROFILE = CLUSTER_PROFILE;
const CONTROLLER_PORT = 24_100;
const CALLER = { worker: 'caller', host: 2, port: 7500 } as const;
const ANSWERER = { worker: 'answerer', host: 3, port: 7501 } as const;
/** Ports of programs, which differ from one another as they may be on one host. */
const PORTS: Readonly<Record<OamRole, number>> = {
  snapshots: 7510,
  watcher: 7511,
  writer: 7512,
  operator: 7513,
};
/** For what is done with all keys, beside others. It judges nothing. */
const WITHIN_MS = 180_000;

export type OamWorker = Party<OamWorkerCommand, OamWorkerReport>;
export type OamProgram = Party<OamCommand, OamReport>;

export class OamCast {
  readonly cluster: ClusterCast;
  readonly services: Services = makeServices();
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #door: WorkerDoor;
  readonly #sizes: Pick<OamSetup, 'keys' | 'watchers'>;
  #revision = 0;
  caller!: OamWorker;
  answerer!: OamWorker;
  programs!: Readonly<Record<OamRole, OamProgram>>;
  /** Is called when a snapshot is whole. */
  onSnapshot: () => void = () => {};

  private constructor(
    lab: Lab,
    folder: string,
    command: readonly string[],
    sizes: Pick<OamSetup, 'keys' | 'watchers'>,
    door: WorkerDoor,
  ) {
    this.#lab = lab;
    this.#folder = folder;
    this.#sizes = sizes;
    this.#door = door;
    this.cluster = new ClusterCast(
      lab,
      command,
      plainMembers(lab, folder),
      this.services.controller,
    );
  }

  /** Starts all of them. */
  static async start(
    lab: Lab,
    folder: string,
    command: readonly string[],
    sizes: Pick<OamSetup, 'keys' | 'watchers'>,
  ): Promise<OamCast> {
    const door = await WorkerDoor.open(path.join(folder, 'workers.sock'));
    const cast = new OamCast(lab, folder, command, sizes, door);
    try {
      await cast.#start();
      return cast;
    } catch (error) {
      door.close();
      throw error;
    }
  }

  /** Processes of both workers, as the cluster tells it. */
  async workerPids(): Promise<readonly number[]> {
    const [one] = this.cluster.all as [ClusterMember];
    const { workers } = await this.cluster.statusWhen(one, 'both workers are known', (status) => {
      return status.workers.filter(({ state }) => state === 'ready').length === 2;
    });
    return workers.map(({ pid }) => pid ?? 0);
  }

  /** Controllers and workers that are not in the part of their control group that is theirs. */
  get misplaced(): number {
    if (this.services.controller.group === null) return 0;
    const controllers = this.cluster.all.map(({ child }) => groupOf(child?.pid ?? 0));
    const workers = [this.caller, this.answerer].map(({ pid }) => groupOf(pid));
    const outside = (groups: string[], part: string) => groups.filter((at) => !at.endsWith(part));
    return [...outside(controllers, '/controller'), ...outside(workers, '/workers')].length;
  }

  /** Resolves when all masters are in touch as every host sees it. */
  async up(marks: readonly number[]): Promise<void> {
    const up = { event: 'cluster', condition: 'up' };
    await Promise.all(
      this.cluster.all.map((member, i) => this.cluster.logged(member, marks[i] ?? 0, up)),
    );
  }

  /** Ends the workers. What else runs ends with the lab. */
  close(): void {
    this.#door.close();
  }

  async #start(): Promise<void> {
    const { cluster } = this;
    const [one, two] = cluster.all as [ClusterMember, ClusterMember];
    await Promise.all(cluster.all.map((member) => cluster.start(member)));
    await cluster.logged(one, 0, { event: 'configNewcomer', peer: two.name });
    const masters = cluster.masters.map(({ name }) => name);
    await cluster.order(one, 'masters', 'bootstrap', ...masters, '--yes');
    await this.up([]);
    const arriving = [CALLER, ANSWERER].map((of) => {
      const { name } = this.#peer(of);
      return this.#door.next(name, (worker): OamWorker => new Party(name, worker, () => {}));
    });
    const writer = await this.#program('writer', 1, cluster.masters);
    ({ revision: this.#revision } = await writer.report('ready', WITHIN_MS));
    const workers = await Promise.race([Promise.all(arriving), late()]);
    [this.caller, this.answerer] = workers as [OamWorker, OamWorker];
    await Promise.all(workers.map((worker) => worker.report('ready', WITHIN_MS)));
    const watcher = this.#program('watcher', 3, cluster.all.slice(2));
    const snapshots = this.#program('snapshots', 3, cluster.masters);
    const operator = this.#program('operator', 1, [one]);
    this.programs = { writer, watcher, snapshots, operator };
    await Promise.all(
      [watcher, snapshots, operator].map((program) => program.report('ready', WITHIN_MS)),
    );
  }

  /** What the writer writes before all else. */
  get #entries(): readonly (readonly [string, unknown])[] {
    const hosts = this.cluster.all.map(({ host }) => {
      return [`hosts/${host.name}/addresses`, host.addressByPlane] as const;
    });
    const module = fileURLToPath(new URL('./oam-worker.js', import.meta.url));
    const workers = [CALLER, ANSWERER].map((of) => {
      const setup: OamWorkerSetup = {
        ...this.#node(of.worker, this.#lab.host(of.host), of.port),
        peers: of === CALLER ? [this.#peer(ANSWERER)] : [],
        socket: path.join(this.#folder, 'workers.sock'),
      };
      // One that ends has failed, and is not to begin again without its scenario.
      const fields = { restart: 'temporary', ready: 'notify', readyMs: WITHIN_MS };
      const value = { module, args: [JSON.stringify(setup)], ...fields };
      return [`hosts/${this.#lab.host(of.host).name}/workers/${of.worker}`, value] as const;
    });
    return [...hosts, ...workers];
  }

  #peer({ worker, host, port }: typeof CALLER | typeof ANSWERER): PeerOptions {
    const { name, addresses } = this.#lab.host(host);
    return { name: `${worker}@${name}`, addresses, port };
  }

  #node(name: string, host: LabHost, port: number): Omit<OamNode, 'peers'> {
    return {
      name: `${name}@${host.name}`,
      planes: this.#lab.cidrs,
      port,
      keyFile: path.join(this.#folder, 'cluster.key'),
      profile: OAM_PROFILE,
      folder: this.#folder,
    };
  }

  #program(role: OamRole, number: number, controllers: readonly ClusterMember[]): OamProgram {
    const host = this.#lab.host(number);
    const setup: OamSetup = {
      ...this.#node(role, host, PORTS[role]),
      ...this.#sizes,
      peers: controllers.map(({ name, host: { addresses } }) => {
        return { name, addresses, port: CONTROLLER_PORT };
      }),
      role,
      control: path.join(
        (this.cluster.all[number - 1] as ClusterMember).folder,
        'run/control.sock',
      ),
      entries: role === 'writer' ? this.#entries : [],
      revision: this.#revision,
      logs: [CALLER, ANSWERER].map(({ worker, host: at }) => {
        return { worker, host: this.#lab.host(at).name };
      }),
    };
    const script = fileURLToPath(new URL('./oam-process.js', import.meta.url));
    const node = [process.execPath, ...process.execArgv, script, JSON.stringify(setup)];
    const child = host.spawn(asService(this.services.program, node), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    return new Party<OamCommand, OamReport>(role, child, () => this.onSnapshot());
  }
}

/** It ends a run in which something hangs. */
function late(): Promise<never> {
  return new Promise((_, reject) => {
    const tell = () => reject(new LabError('ERR_LAB', `no workers within ${WITHIN_MS} ms`));
    setTimeout(tell, WITHIN_MS).unref();
  });
}
