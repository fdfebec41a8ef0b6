/**
 * The typical system (examples/typical-system, docs/typical-system.md) in a lab: clients outside, a
 * firewall host, two control hosts and two traffic hosts on two planes, under load while parts of
 * it fail.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { ClusterStatus } from '../../cluster.js';
import { LabError } from '../../errors.js';
import { packagePath } from '../../runtime/files.js';
import { createLab, type Lab } from '../network/lab.js';
import { ClusterCast, ClusterMember } from './cluster-cast.js';
import { type ColdStartStep, type Findings, Steps } from './coldstart-steps.js';
import { writeKeyFile } from './ends.js';
import { TypicalClients } from './typical-clients.js';

export const TYPICAL_PROFILE = 'lan';
/** Where the example has its programs, and where they are here. */
const INSTALLED = '/opt/typical-system';
const EXAMPLE = packagePath('examples/typical-system');
const PLANES = ['a', 'b'];
const OUTSIDE = 'outside';
/** The plane whose switch dies. */
const DYING = 'a';
/** As in the example: the host with the last digit 1 of its addresses is the first. */
const HOSTS = ['control1', 'control2', 'traffic1', 'traffic2', 'firewall'];
const FIREWALL = HOSTS.length;
const CLIENTS = FIREWALL + 1;
const TRAFFIC = ['traffic1', 'traffic2'];
const WORKERS = ['gateway@firewall', 'server@traffic1', 'server@traffic2'];
const URL_OF_GATEWAY = 'http://10.3.0.5:8080';
const REQUESTS_PER_SECOND = 20;
const PRICES_KEY = 'cluster/node-defaults/prices';
/** Of an apple, in the example and after it was changed. */
const PRICE = 30;
const NEW_PRICE = 35;
const LOAD_MS = 3000;

export interface TypicalOptions {
  /** The program `backplane`: what comes before its own arguments. */
  readonly command: readonly string[];
  progress(line: string): void;
}

export interface TypicalResult {
  readonly steps: readonly ColdStartStep[];
}

type Members = Readonly<
  Record<'control1' | 'control2' | 'traffic1' | 'traffic2' | 'firewall', ClusterMember>
>;

class Typical {
  readonly #cast: ClusterCast;
  readonly #steps: Steps;
  readonly #folder: string;
  readonly #hosts: Members;
  #clients!: TypicalClients;
  /** When all was well at last. */
  #whole!: ClusterStatus;

  constructor(cast: ClusterCast, steps: Steps, folder: string) {
    this.#cast = cast;
    this.#steps = steps;
    this.#folder = folder;
    const byName = cast.all.map((member) => [member.hostName, member]);
    this.#hosts = Object.fromEntries(byName) as Members;
  }

  async run(): Promise<void> {
    await this.#start();
    await this.#configure();
    await this.#clientsCome();
    await this.#changePrice();
    await this.#switchDies();
    await this.#switchReplaced();
    await this.#serverKilled();
    await this.#trafficHostLost();
    await this.#controlHostLost();
    await this.#back();
    await this.#clientsGo();
  }

  async #start(): Promise<void> {
    const { control1, control2 } = this.#hosts;
    const expected = 'five controllers; the control hosts are the masters';
    await this.#steps.take('start', expected, async (found) => {
      await Promise.all(this.#cast.all.map((member) => this.#cast.start(member)));
      await this.#cast.logged(control1, 0, { event: 'configNewcomer', peer: control2.name });
      const masters = [control1.name, control2.name];
      await this.#cast.order(control1, 'masters', 'bootstrap', ...masters, '--yes');
      const up = { event: 'cluster', condition: 'up' };
      await Promise.all(this.#cast.all.map((member) => this.#cast.logged(member, 0, up)));
      found.say('all of them are up, as each sees it');
    });
  }

  async #configure(): Promise<void> {
    const expected = 'a gateway at the firewall host, a server at each traffic host';
    await this.#steps.take('the configuration is applied', expected, async (found) => {
      const { control1 } = this.#hosts;
      const file = path.join(this.#folder, 'cluster.yaml');
      const text = readFileSync(path.join(EXAMPLE, 'cluster.yaml'), 'utf8');
      writeFileSync(file, text.replaceAll(INSTALLED, EXAMPLE));
      await this.#cast.order(control1, 'config', 'apply', file, '--yes');
      const { traffic1, traffic2, firewall } = this.#hosts;
      const ready = { event: 'ready' };
      const all = [traffic1, traffic2, firewall];
      await Promise.all(all.map((member) => this.#cast.logged(member, 0, ready)));
      const status = await this.#untilWhole();
      const workers = status.workers.map(({ name, host }) => `${name}@${host}`).sort();
      found.same('workers', workers, WORKERS);
      const roles = status.hosts.map(({ host, status: told }) => `${host} ${told?.role}`);
      const masters = ['control1 sequencer', 'control2 master'];
      const slaves = ['firewall slave', 'traffic1 slave', 'traffic2 slave'];
      found.same('roles', roles, [...masters, ...slaves]);
      found.say(`${workers.join(', ')} run`);
    });
  }

  async #clientsCome(): Promise<void> {
    const expected = 'both servers answer them';
    await this.#steps.take('clients come', expected, async (found) => {
      const program = path.join(EXAMPLE, 'client.mjs');
      const argv = [process.execPath, program, URL_OF_GATEWAY, String(REQUESTS_PER_SECOND)];
      this.#clients = new TypicalClients(this.#cast.lab.host(CLIENTS), argv);
      await this.#clients.answeredBy(0, TRAFFIC);
      this.#judge(found, 0);
      found.same('prices', this.#clients.since(0).prices, [PRICE]);
    });
  }

  async #changePrice(): Promise<void> {
    const expected = 'clients are told the new one by both servers, and the old one no more';
    await this.#steps.take('a price is changed', expected, async (found) => {
      const { mark } = this.#clients;
      const value = JSON.stringify({ apple: NEW_PRICE });
      await this.#cast.order(this.#hosts.control2, 'config', 'put', PRICES_KEY, value, '--yes');
      await this.#clients.reported(mark, ({ prices, by }) => {
        const isNew = prices.length === 1 && prices[0] === NEW_PRICE;
        return isNew && TRAFFIC.every((host) => (by[host] ?? 0) > 0);
      });
      this.#judge(found, mark);
    });
  }

  async #switchDies(): Promise<void> {
    const expected = `no request fails; status names plane ${DYING}; the cluster is up`;
    await this.#steps.take('a switch dies', expected, async (found) => {
      const { mark } = this.#clients;
      this.#cast.lab.cut('switch', DYING);
      const status = await this.#statusWhen('a plane is down', ({ planes }) => {
        return planes.some(({ state }) => state === 'down');
      });
      found.same('planes', planesOf(status), ['a down', 'b up']);
      found.same('the cluster', status.condition, 'up');
      found.say(`${planesOf(status).join(', ')}; the cluster ${status.condition}`);
      await this.#clients.answeredBy(this.#clients.mark, TRAFFIC);
      this.#judge(found, mark);
      found.same('orders of unknown outcome', this.#clients.since(mark).unknown, []);
    });
  }

  async #switchReplaced(): Promise<void> {
    const expected = 'both planes are up again, and no request fails';
    await this.#steps.take('it is replaced', expected, async (found) => {
      const { mark } = this.#clients;
      this.#cast.lab.heal();
      found.say(planesOf(await this.#untilWhole()).join(', '));
      this.#judge(found, mark);
    });
  }

  async #serverKilled(): Promise<void> {
    const expected = 'the other one does what it had; it is started again';
    await this.#steps.take('a server is killed', expected, async (found) => {
      const { traffic1 } = this.#hosts;
      const { mark } = this.#clients;
      const { mark: logMark } = traffic1;
      process.kill(this.#pidAt(traffic1), 'SIGKILL');
      const worker = 'server';
      const endMs = await this.#cast.logged(traffic1, logMark, { event: 'ended', worker });
      const readyMs = await this.#cast.logged(traffic1, logMark, { event: 'ready', worker });
      found.say(`it is ready again ${((readyMs - endMs) / 1000).toFixed(1)} s after its end`);
      await this.#clients.answeredBy(this.#clients.mark, TRAFFIC);
      this.#judge(found, mark);
    });
  }

  async #trafficHostLost(): Promise<void> {
    const expected = 'the other one does what it had';
    await this.#steps.take('a traffic host loses power', expected, async (found) => {
      const { traffic2, control1 } = this.#hosts;
      const { mark } = this.#clients;
      const { mark: logMark } = control1;
      this.#cut(traffic2);
      process.kill(this.#pidAt(traffic2), 'SIGKILL');
      await this.#cast.kill(traffic2);
      await this.#cast.logged(control1, logMark, { event: 'nodedown', peer: traffic2.name });
      await this.#clients.answeredBy(this.#clients.mark, ['traffic1']);
      const status = await this.#cast.status(control1);
      const unreached = status.hosts.flatMap(({ host, isReached }) => (isReached ? [] : host));
      found.same('hosts out of reach', unreached, ['traffic2']);
      found.same('the cluster', status.condition, 'up');
      found.say(`traffic2 is out of reach; the cluster ${status.condition}`);
      this.#judge(found, mark);
    });
  }

  async #controlHostLost(): Promise<void> {
    const expected = 'traffic goes on; nothing can be written';
    await this.#steps.take('a control host loses power, too', expected, async (found) => {
      const { control1, control2, firewall } = this.#hosts;
      const { mark } = this.#clients;
      // Each finds out by itself that the host is lost.
      const marks = [control1, firewall].map((member) => [member, member.mark] as const);
      this.#cut(control2);
      await this.#cast.kill(control2);
      const degraded = { event: 'cluster', condition: 'degraded' };
      await Promise.all(marks.map((marked) => this.#cast.logged(...marked, degraded)));
      const value = JSON.stringify({ apple: PRICE });
      const refused = await this.#cast.ask(control1, 'config', 'put', PRICES_KEY, value, '--yes');
      found.same('a write', refused['code'], 'ERR_REPLICAS');
      found.say(`the cluster is degraded; a write: ${refused['code']}`);
      const { mark: later } = this.#clients;
      await this.#clients.answeredBy(later, ['traffic1']);
      found.same('prices told', this.#clients.since(later).prices, [NEW_PRICE]);
      this.#judge(found, mark);
    });
  }

  async #back(): Promise<void> {
    const expected = 'all is as it was, and nobody had to do anything';
    await this.#steps.take('both are back', expected, async (found) => {
      const { control2, traffic2 } = this.#hosts;
      const { mark } = this.#clients;
      this.#cast.lab.heal();
      await Promise.all([control2, traffic2].map((member) => this.#cast.start(member)));
      const status = await this.#untilWhole();
      await this.#clients.answeredBy(this.#clients.mark, TRAFFIC);
      found.say(`the cluster is ${status.condition}, and both servers answer`);
      this.#judge(found, mark);
    });
  }

  async #clientsGo(): Promise<void> {
    const expected = 'no request has failed, each order is taken once';
    await this.#steps.take('the books are right', expected, async (found) => {
      await this.#clients.end();
      const { done, orders, unknown } = this.#clients.since(0);
      const taken = await this.#ordersTaken();
      const twice = taken.filter((order, at) => taken.indexOf(order) !== at);
      found.same('orders taken twice', twice, []);
      const lost = orders.filter((order) => !taken.includes(order));
      found.same('orders told as taken, and not in the books', lost, []);
      const strange = taken.filter((order) => ![...orders, ...unknown].includes(order));
      found.same('orders that nobody knows of', strange, []);
      this.#judge(found, 0);
      found.say(`${orders.length} of ${done} were orders, ${taken.length} are in the books`);
    });
  }

  /** What every step has to show. */
  #judge(found: Findings, mark: number): void {
    const { done, failed, unknown, by, ms } = this.#clients.since(mark);
    found.same('requests that failed', failed, []);
    const shares = Object.entries(by).map(([host, count]) => `${host} ${count}`);
    const more = unknown.length === 0 ? '' : `, ${unknown.length} orders of unknown outcome`;
    const who = shares.sort().join(', ');
    found.say(`${done} requests done (${who})${more}, the slowest in ${ms} ms`);
  }

  /** The orders in the output of all servers. */
  async #ordersTaken(): Promise<string[]> {
    const { control1 } = this.#hosts;
    const logs = TRAFFIC.map((host) =>
      this.#cast.order(control1, 'workers', 'logs', `server@${host}`),
    );
    return (await Promise.all(logs)).flatMap(({ output }) => {
      const lines = String(output).trimEnd().split('\n');
      return lines.map((line) => (JSON.parse(line) as { readonly order: string }).order);
    });
  }

  /** Nothing passes between a host and the others any more. */
  #cut({ host }: ClusterMember): void {
    for (const plane of PLANES) this.#cast.lab.cut('blackhole', plane, host.number);
  }

  /** The process of the worker at a host. */
  #pidAt({ hostName }: ClusterMember): number {
    const pid = this.#whole.workers.find(({ host }) => host === hostName)?.pid;
    if (pid === null || pid === undefined) {
      throw new LabError('ERR_LAB', `no worker runs at ${hostName}`);
    }
    return pid;
  }

  #statusWhen(what: string, isSo: (status: ClusterStatus) => boolean): Promise<ClusterStatus> {
    return this.#cast.statusWhen(this.#hosts.control1, what, isSo);
  }

  /** Resolves when the cluster is up, with all hosts and workers, on all planes. */
  async #untilWhole(): Promise<ClusterStatus> {
    const isWhole = ({ condition, hosts, planes, workers }: ClusterStatus) => {
      if (condition !== 'up' || hosts.length < HOSTS.length) return false;
      if (!hosts.every(({ isReached }) => isReached)) return false;
      const areReady = workers.every(({ state }) => state === 'ready');
      const areUp = planes.every(({ state }) => state === 'up');
      return workers.length === WORKERS.length && areReady && areUp;
    };
    this.#whole = await this.#statusWhen('all is well', isWhole);
    return this.#whole;
  }
}

function planesOf({ planes }: ClusterStatus): string[] {
  return planes.map(({ name, state }) => `${name} ${state}`);
}

/** The hosts of the example; each has its host file in a folder of its own. */
function membersOf(lab: Lab, folder: string): ClusterMember[] {
  writeKeyFile(path.join(folder, 'cluster.key'));
  const common = readFileSync(path.join(EXAMPLE, 'host.yaml'), 'utf8');
  return HOSTS.map((name, at) => {
    const member = new ClusterMember(lab.host(at + 1), folder, name);
    // They share one machine: it is no host's own, with its name and its folders.
    const own = { host: name, keyFile: '../cluster.key', loadMs: LOAD_MS };
    const folders = { store: 'store', run: 'run', workers: 'workers' };
    const more = Object.entries({ ...own, ...folders }).map(([key, value]) => `${key}: ${value}\n`);
    writeFileSync(member.file, common + more.join(''));
    return member;
  });
}

/**
 * Runs it in a lab of this process.
 * @throws LabError ERR_LAB when a lab cannot be made; what fails within a step is told by it.
 */
export async function runTypical(options: TypicalOptions): Promise<TypicalResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backplane-ts-'));
  const all = HOSTS.map((_, at) => at + 1);
  const onPlanes = Object.fromEntries(PLANES.map((plane) => [plane, all]));
  const hostsOn = { ...onPlanes, [OUTSIDE]: [FIREWALL, CLIENTS] };
  const lab = await createLab({ hosts: CLIENTS, planes: [...PLANES, OUTSIDE], hostsOn });
  const steps = new Steps(options.progress);
  const cast = new ClusterCast(lab, options.command, membersOf(lab, folder));
  try {
    await steps.run(() => new Typical(cast, steps, folder).run());
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { steps: steps.all };
}
