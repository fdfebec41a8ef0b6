/** Three nodes with a configuration in this process, and commands against them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../../src/cluster.js';
import { CONFIG_CONTROL, configControl } from '../../../src/config/control.js';
import { openConfigWith } from '../../../src/config/open.js';
import { type ControlServer, serveControl } from '../../../src/observe/control.js';
import { createTestNetwork } from '../../../src/testing/index.js';
import { MemoryDisks } from '../config/memory-disk.js';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
export const NAMES = ['one@h1', 'two@h2', 'three@h3'] as const;

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line, where `--json` was among the arguments. */
  readonly json: Record<string, unknown>;
}

export interface CliCluster {
  readonly folder: string;
  readonly configs: readonly Config[];
  /** Runs the command against a node, the first one by default. */
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
  until(holds: () => boolean): Promise<unknown>;
  kill(name: string): Promise<void>;
  /** Starts one that was killed. */
  start(name: string): Promise<Config>;
}

export interface RunOptions {
  readonly at?: (typeof NAMES)[number];
  readonly input?: string;
  readonly env?: Record<string, string>;
  /** Is told what comes on standard output, and how to end it. */
  readonly onOutput?: (text: string, end: () => void) => void;
}

/** Two masters and a slave, each with a control socket; nothing is bootstrapped. */
export async function cliCluster(context: TestContext): Promise<CliCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'bp-config-'));
  const network = createTestNetwork();
  const disks = new MemoryDisks();
  const configs: Config[] = [];
  const sockets = new Map<string, ControlServer>();
  const start = async (name: string): Promise<Config> => {
    const node = await network.node(name);
    const openStore = disks.opener(node.runtime);
    const options = { store: name, masters: NAMES.slice(0, 2) };
    const config = await openConfigWith(node, options, { openStore });
    const posts = { [CONFIG_CONTROL]: configControl(config) };
    const socket = await serveControl(node, { path: join(folder, name), posts });
    sockets.set(name, socket);
    context.after(() => socket.close());
    return config;
  };
  for (const name of NAMES) configs.push(await start(name));
  context.after(async () => {
    for (const config of configs) await config.close();
    await network.close();
    rmSync(folder, { recursive: true });
  });
  await network.linked();
  const run = async (args: readonly string[], options: RunOptions = {}): Promise<Run> => {
    const { at = NAMES[0], input = '', env = {}, onOutput } = options;
    const control = ['--control', join(folder, at)];
    const child = spawn(process.execPath, [MAIN, ...args, ...control], {
      cwd: folder,
      env: { ...process.env, ...env },
    });
    child.stdin.end(input);
    let isEnded = false;
    const end = () => {
      if (!isEnded) child.kill('SIGINT');
      isEnded = true;
    };
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (piece) => {
      stdout += piece;
      onOutput?.(stdout, end);
    });
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    const [status] = await once(child, 'close');
    const last = stdout.trimEnd().split('\n').at(-1) ?? '';
    const json = args.includes('--json') ? JSON.parse(last) : {};
    return { status, stdout, stderr, json };
  };
  return {
    folder,
    configs,
    run,
    until: (holds) => network.until(holds),
    kill: async (name) => {
      network.kill(name);
      await sockets.get(name)?.close();
    },
    start,
  };
}

/** The same, where it has been bootstrapped. */
export async function bootedCluster(context: TestContext): Promise<CliCluster> {
  const cluster = await cliCluster(context);
  await cluster.until(() => cluster.configs[0]?.status.newcomers.length === 1);
  await cluster.configs[0]?.masters.bootstrap(NAMES.slice(0, 2));
  await cluster.until(() => cluster.configs.every(({ view }) => view !== null));
  return cluster;
}
