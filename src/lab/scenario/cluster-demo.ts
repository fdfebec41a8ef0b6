/**
 * The demonstration of a cluster: three hosts on two planes, two of them masters, from the first
 * start to the loss of all masters and back.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterStatus, ClusterWorker, TaskStatus } from '../../cluster.js';
import { createLab } from '../network/lab.js';
import {
  CLUSTER_PROFILE,
  ClusterCast,
  type ClusterMember,
  nowMs,
  plainMembers,
} from './cluster-cast.js';
import { type ColdStartStep, type Findings, Steps } from './coldstart-steps.js';

export { CLUSTER_PROFILE };

const HOSTS = 3;
/** What each host runs. */
const WORKER = 'beacon';
const WORKER_VALUE = { command: ['sh', '-c', 'echo here; exec sleep 100000'] };
/** What the slave runs besides: it joins the cluster, and serves a pool. */
const JOINED = { name: 'greeter', host: 'host3', pool: 'greetings' };
const JOINED_VALUE = {
  module: fileURLToPath(new URL('joined-worker-process.js', import.meta.url)),
  pool: JOINED.pool,
  ready: 'notify',
  beatMs: 5000,
};
/** The plane that is cut. */
export const DEMO_PLANE = 'a';

export interface ClusterDemoOptions {
  /** The program `backplane`: what comes before its own arguments. */
  readonly command: readonly string[];
  progress(line: string): void;
}

export interface ClusterDemoResult {
  readonly steps: readonly ColdStartStep[];
}

class ClusterDemo {
  readonly #cast: ClusterCast;
  readonly #steps: Steps;
  readonly #folder: string;
  readonly #one: ClusterMember;
  readonly #two: ClusterMember;
  readonly #three: ClusterMember;
  /** The worker of the host whose controller is killed. */
  #pid = 0;

  constructor(cast: ClusterCast, steps: Steps, folder: string) {
    this.#cast = cast;
    this.#steps = steps;
    this.#folder = folder;
    const [one, two, three] = cast.all as [ClusterMember, ClusterMember, ClusterMember];
    this.#one = one;
    this.#two = two;
    this.#three = three;
  }

  async run(): Promise<void> {
    await this.#start();
    await this.#bootstrap();
    await this.#apply();
    await this.#workersStart();
    await this.#runTask();
    await this.#cutPlane();
    await this.#killWorker();
    await this.#killMaster();
    await this.#masterReturns();
    await this.#cutMasters();
    await this.#back();
  }

  async #start(): Promise<void> {
    const expected = 'each host has a controller, and none a configuration';
    await this.#steps.take('start of all at once', expected, async (found) => {
      const startMs = nowMs();
      await Promise.all(this.#cast.all.map((member) => this.#cast.start(member)));
      found.say(`${HOSTS} controllers run after ${seconds(nowMs() - startMs)}`);
      const second = await this.#cast.ask(this.#one, 'start');
      found.same('a second one at host1', second['code'], 'ERR_CONTROLLER_RUNNING');
      found.same('of which it says', second['pid'], this.#one.child?.pid);
      found.say(`a second one at host1 is refused: ${second['pid']} runs there`);
      const { epoch } = await this.#cast.status(this.#one);
      found.same('the epoch', epoch, null);
    });
  }

  async #bootstrap(): Promise<void> {
    const expected = 'two masters, a slave, epoch 1, the cluster is up as every host sees it';
    await this.#steps.take('bootstrap', expected, async (found) => {
      await this.#cast.logged(this.#one, 0, { event: 'configNewcomer', peer: this.#two.name });
      const masters = this.#cast.masters.map(({ name }) => name);
      await this.#cast.order(this.#one, 'masters', 'bootstrap', ...masters, '--yes');
      for (const member of this.#cast.all) {
        await this.#cast.logged(member, 0, { event: 'cluster', condition: 'up' });
      }
      const status = await this.#cast.status(this.#three);
      found.same('roles', rolesOf(status), ['sequencer', 'master', 'slave']);
      found.same('the epoch', status.epoch, 1);
      found.say(`${rolesOf(status).join(', ')}; epoch ${status.epoch}; up everywhere`);
    });
  }

  async #apply(): Promise<void> {
    const expected = 'all hosts read it at the same revision, and are linked with one another';
    await this.#steps.take('apply a configuration', expected, async (found) => {
      const file = path.join(this.#folder, 'cluster.yaml');
      const keys = this.#cast.all.map(({ host }) => {
        return [`hosts/${host.name}/addresses`, host.addressByPlane] as const;
      });
      const workers = {
        [`cluster/host-defaults/workers/${WORKER}`]: WORKER_VALUE,
        [`hosts/${JOINED.host}/workers/${JOINED.name}`]: JOINED_VALUE,
      };
      const whole = { 'cluster/greeting': 'hello', ...workers, ...Object.fromEntries(keys) };
      writeFileSync(file, JSON.stringify(whole));
      await this.#cast.order(this.#one, 'config', 'apply', file, '--yes');
      const status = await this.#whole();
      const revisions = status.hosts.map((each) => each.status?.revision);
      found.same('different revisions', new Set(revisions).size, 1);
      found.same('what host3 reads', await this.#greeting(this.#three), 'hello');
      found.say(`revision ${revisions[0]} at all hosts, each linked with ${HOSTS - 1} others`);
    });
  }

  async #workersStart(): Promise<void> {
    const expected = 'each host runs what the configuration says';
    await this.#steps.take('workers start', expected, async (found) => {
      const { workers } = await this.#cast.statusWhen(this.#three, 'workers run', (status) => {
        const { workers: all } = status;
        return all.length === HOSTS + 1 && all.every(({ state }) => state === 'ready');
      });
      const where = workers.map(({ name, host }) => `${name} at ${host}`);
      const printed = await this.#cast.order(this.#three, 'workers', 'logs', `${WORKER}@host1`);
      found.same('what it says at host1', printed['output'], 'here\n');
      found.say(`${where.join(', ')}; the one at host1 says "here", as read at host3`);
    });
  }

  async #runTask(): Promise<void> {
    const expected = 'a worker of another host does it, and its result comes back';
    await this.#steps.take('a task runs', expected, async (found) => {
      const { pool, name, host } = JOINED;
      const { result, member } = await this.#cast.order(this.#one, 'task', 'run', pool, '"host1"');
      found.same('the result', result, 'hello host1');
      found.same('who has done it', member, `${name}@${host}`);
      const nobody = ['task', 'run', 'nothing', '--deadline-ms', '100'];
      const late = await this.#cast.ask(this.#one, ...nobody);
      found.same('one that nobody takes', late['code'], 'ERR_TIMEOUT');
      const { tasks } = await this.#cast.order(this.#two, 'task', 'list');
      const states = (tasks as readonly TaskStatus[]).map(({ id, state }) => `${id} ${state}`);
      found.same('the tasks', states, ['1@host1 done', '2@host1 failed']);
      found.say(`asked at host1, ${member} says "${result}"; host2 lists ${states.join(', ')}`);
    });
  }

  async #killWorker(): Promise<void> {
    const expected = 'it is started again at once, and known to have ended';
    await this.#steps.take('a worker is killed', expected, async (found) => {
      const { mark } = this.#three;
      const before = await this.#pidAt(this.#three);
      process.kill(before, 'SIGKILL');
      const worker = WORKER;
      const endMs = await this.#cast.logged(this.#three, mark, { event: 'ended', worker });
      const readyMs = await this.#cast.logged(this.#three, mark, { event: 'ready', worker });
      const after = await this.#pidAt(this.#three);
      found.must(after !== before, `process ${before} runs on`);
      found.say(`process ${before} ended, ${after} runs ${(readyMs - endMs).toFixed(0)} ms later`);
    });
  }

  /** The process of the worker at a host. */
  async #pidAt(member: ClusterMember): Promise<number> {
    const { workers } = await this.#cast.status(this.#three);
    const isIt = ({ name, host }: ClusterWorker) => name === WORKER && host === member.host.name;
    return workers.find(isIt)?.pid ?? 0;
  }

  async #cutPlane(): Promise<void> {
    const expected = `status names plane ${DEMO_PLANE}; the cluster is up, no link ends`;
    await this.#steps.take(`plane ${DEMO_PLANE} is cut`, expected, async (found) => {
      const marks = this.#cast.all.map(({ mark }) => mark);
      this.#cast.lab.cut('switch', DEMO_PLANE);
      const status = await this.#cast.statusWhen(this.#three, 'a plane is down', ({ planes }) => {
        return planes.some(({ state }) => state === 'down');
      });
      found.same('planes', planesOf(status), ['a down', 'b up']);
      found.same('the cluster', status.condition, 'up');
      await this.#write(found, this.#three, 'cluster/greeting', 'hello by plane b');
      this.#cast.lab.heal();
      await this.#whole();
      const ends = this.#cast.all.flatMap(({ log }, index) =>
        log.slice(marks[index]).filter(({ line }) => line['event'] === 'nodedown'),
      );
      found.same('links that ended', ends.length, 0);
      found.say(`${planesOf(status).join(', ')}; the cluster ${status.condition}; no link ended`);
    });
  }

  async #killMaster(): Promise<void> {
    const expected = 'writes are refused, with the reason; reads and the slave go on';
    await this.#steps.take('a master is killed', expected, async (found) => {
      const { mark } = this.#three;
      this.#pid = await this.#pidAt(this.#two);
      await this.#cast.kill(this.#two);
      await this.#cast.logged(this.#three, mark, { event: 'cluster', condition: 'degraded' });
      const status = await this.#cast.status(this.#three);
      found.same('missing', status.missing, [this.#two.name]);
      const refused = await this.#put(this.#three, 'cluster/greeting', 'nobody hears it');
      found.same('a write', refused['code'], 'ERR_REPLICAS');
      found.say(`${status.condition}: ${status.why}; a write: ${refused['code']}`);
      for (const member of [this.#one, this.#three]) {
        const read = await this.#greeting(member);
        found.same(`what ${member.name} reads`, read, 'hello by plane b');
      }
      found.say('host1 and host3 read on');
    });
  }

  async #masterReturns(): Promise<void> {
    const expected = 'a master again by itself, writes are taken, its worker has run on';
    await this.#steps.take('it returns', expected, async (found) => {
      await this.#cast.start(this.#two);
      const status = await this.#whole();
      found.same('roles', rolesOf(status), ['sequencer', 'master', 'slave']);
      await this.#write(found, this.#three, 'cluster/greeting', 'hello again');
      found.same('what host2 reads', await this.#greeting(this.#two), 'hello again');
      found.same('the worker at host2', await this.#pidAt(this.#two), this.#pid);
      found.say(`${rolesOf(status).join(', ')}; a write from host3 is read at host2`);
      found.say(`process ${this.#pid} has run on there, and is supervised again`);
    });
  }

  async #cutMasters(): Promise<void> {
    const expected = 'the slave says DOWN, reads what it had, and its worker runs on';
    await this.#steps.take('both masters are cut off', expected, async (found) => {
      const { mark } = this.#three;
      let cutMs = 0;
      const pid = await this.#pidAt(this.#three);
      for (const { host } of this.#cast.masters) {
        for (const plane of this.#cast.lab.planes) {
          cutMs = this.#cast.lab.cut('blackhole', plane, host.number);
        }
      }
      const down = { event: 'cluster', condition: 'down' };
      const downMs = await this.#cast.logged(this.#three, mark, down);
      const status = await this.#cast.status(this.#three);
      found.same('the cluster', status.condition, 'down');
      const unreached = status.hosts.filter(({ isReached }) => !isReached);
      found.same('hosts out of reach', unreached.length, this.#cast.masters.length);
      found.same('what host3 reads', await this.#greeting(this.#three), 'hello again');
      const refused = await this.#put(this.#three, 'cluster/greeting', 'nobody hears it');
      found.must(refused['ok'] !== true, 'a write was taken');
      found.same('the worker at host3', await this.#pidAt(this.#three), pid);
      found.say(`DOWN after ${seconds(downMs - cutMs)}: ${status.why}`);
      found.say(`host3 reads on, and its worker, process ${pid}, runs on`);
    });
  }

  async #back(): Promise<void> {
    const expected = 'the cluster is up, with nothing lost, and nobody had to do anything';
    await this.#steps.take('back', expected, async (found) => {
      this.#cast.lab.heal();
      const status = await this.#whole();
      found.same('what is read', await this.#greeting(this.#three), 'hello again');
      found.same('the epoch', status.epoch, 1);
      found.say(`${status.condition}, epoch ${status.epoch}, at revision ${status.revision}`);
    });
  }

  /** Resolves when the cluster is up, and each host linked with all others on all planes. */
  async #whole(): Promise<ClusterStatus> {
    return this.#cast.statusWhen(this.#three, 'all is well', ({ condition, hosts, planes }) => {
      const areUp = planes.every(({ state }) => state === 'up');
      const areLinked = hosts.every(({ status }) => {
        return status?.links.length === HOSTS - 1 && status.condition === 'up';
      });
      return condition === 'up' && hosts.length === HOSTS && areUp && areLinked;
    });
  }

  #put(member: ClusterMember, key: string, value: string) {
    return this.#cast.ask(member, 'config', 'put', key, JSON.stringify(value), '--yes');
  }

  async #write(found: Findings, member: ClusterMember, key: string, value: string): Promise<void> {
    const { ok, code } = await this.#put(member, key, value);
    found.must(ok === true, `a write at ${member.name}: ${code}`);
  }

  async #greeting(member: ClusterMember): Promise<unknown> {
    const { items } = await this.#cast.order(member, 'config', 'get', 'cluster/greeting');
    return (items as readonly { readonly value: unknown }[])[0]?.value;
  }
}

function rolesOf({ hosts }: ClusterStatus): string[] {
  return hosts.map(({ status }) => status?.role ?? 'not reached');
}

function planesOf({ planes }: ClusterStatus): string[] {
  return planes.map(({ name, state }) => `${name} ${state}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Runs it in a lab of this process.
 * @throws LabError ERR_LAB when a lab cannot be made; what fails within a step is told by it.
 */
export async function runClusterDemo(options: ClusterDemoOptions): Promise<ClusterDemoResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-demo-'));
  const lab = await createLab({ hosts: HOSTS });
  const steps = new Steps(options.progress);
  const cast = new ClusterCast(lab, options.command, plainMembers(lab, folder));
  try {
    await steps.run(() => new ClusterDemo(cast, steps, folder).run());
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { steps: steps.all };
}
