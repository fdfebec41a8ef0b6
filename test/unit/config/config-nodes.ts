/** Nodes with a configuration in one process, in virtual time, on stores in memory. */
import type { TestContext } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { openConfigWith } from '../../../src/config/open.js';
import type { ConfigOptions } from '../../../src/config/options.js';
import type { ClusterNode } from '../../../src/node/node.js';
import { createTestNetwork, type TestNetwork } from '../../../src/testing/index.js';
import { MemoryDisks } from './memory-disk.js';

export const MASTERS = ['one@h1', 'two@h2'];

export interface Member {
  readonly node: ClusterNode;
  readonly config: Config;
  /** Names of events, in order, with what matters of them. */
  readonly diary: string[];
}

export class ConfigCluster {
  readonly network: TestNetwork;
  readonly disks = new MemoryDisks();
  readonly members = new Map<string, Member>();

  constructor(context: TestContext, seed = 1) {
    this.network = createTestNetwork({ time: 'virtual', seed });
    context.after(() => this.network.close());
  }

  /** Starts a node and opens its configuration, which may be there from before. */
  async start(name: string, options: Partial<ConfigOptions> = {}): Promise<Member> {
    return this.open(await this.network.node(name), options);
  }

  /** Opens the configuration at a node that runs. */
  async open(node: ClusterNode, options: Partial<ConfigOptions> = {}): Promise<Member> {
    const { name } = node;
    const config = await openConfigWith(
      node,
      { store: name, masters: MASTERS, ...options },
      { openStore: this.disks.opener(node.runtime) },
    );
    const member = { node, config, diary: diaryOf(config) };
    this.members.set(name, member);
    return member;
  }

  /** Starts all, links them, and begins the first lineage. */
  async boot(names: readonly string[], masters: readonly string[] = MASTERS): Promise<Member[]> {
    const members: Member[] = [];
    for (const name of names) members.push(await this.start(name));
    await this.network.linked();
    const [first] = members;
    await this.when(() => first!.config.status.newcomers.length + 1 >= masters.length);
    await this.until(first!.config.masters.bootstrap(masters));
    for (const { config } of members) await this.network.until(() => config.view !== null);
    return members;
  }

  /** Ends its process, as SIGKILL does. */
  kill(name: string): void {
    this.network.kill(name);
    this.members.delete(name);
  }

  until<T>(promise: Promise<T>): Promise<T> {
    return this.network.until(promise);
  }

  /** Lets time pass until something is so. */
  when(holds: () => boolean): Promise<unknown> {
    return this.network.until(holds);
  }
}

function diaryOf(config: Config): string[] {
  const diary: string[] = [];
  config.on('readable', ({ revision }) => diary.push(`readable ${revision}`));
  config.on('replaced', () => diary.push('replaced'));
  config.on('role', ({ role }) => diary.push(`role ${role}`));
  config.on('epoch', ({ epoch, cause }) => diary.push(`epoch ${epoch} ${cause.kind}`));
  config.on('writable', () => diary.push('writable'));
  config.on('degraded', ({ missing }) => diary.push(`degraded ${missing.join()}`));
  config.on('down', () => diary.push('down'));
  config.on('up', () => diary.push('up'));
  config.on('trouble', ({ name, code }) => diary.push(`trouble ${name} ${code}`));
  return diary;
}
