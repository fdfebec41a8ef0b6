/** Keepers run by hand: plain, and built with sanitizers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { packageRoot } from '../../../src/sctp/load-addon.js';
import { keeperProgram } from '../../../src/workers/keeper-program.js';
import { type KeeperState, keeperFile, keeperState } from '../../../src/workers/keeper-text.js';
import { workerSpec } from '../../../src/workers/worker-spec.js';
import { build } from '../addon/compiler.js';
import { findingIn } from '../addon/sanitized-addon.js';

/** The keeper with address and undefined-behaviour sanitizers, and every warning an error. */
export function sanitizedKeeper(): Promise<string> {
  const files = readdirSync(join(packageRoot(), 'addon', 'keeper')).sort();
  return build({
    name: 'keeper',
    ending: '',
    compiler: 'gcc',
    flags: ['-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'],
    files: files.map((name) => join('addon', 'keeper', name)),
  });
}

export const programs: readonly (readonly [string, () => Promise<string>])[] = [
  ['as it is shipped', keeperProgram],
  ['with sanitizers', sanitizedKeeper],
];

/** For a shell: says a datagram at the socket of the keeper. */
export const say = (text: string) =>
  `python3 -c 'import os,socket,sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(),
os.environ["NOTIFY_SOCKET"])' '${text}'`;

/** A folder that goes with the test. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** One keeper, with the test as its controller. */
export class HandKept {
  readonly folder: string;
  readonly states: KeeperState[] = [];
  readonly output: string;
  #stderr = '';
  #stream: Socket | null = null;
  #wake: () => void = () => {};
  #code: number | null | undefined;
  pid = 0;

  constructor(t: TestContext) {
    // Before the folder goes.
    t.after(() => this.kill());
    const folder = folderFor(t);
    this.folder = join(folder, 'run');
    this.output = join(folder, 'output');
    mkdirSync(this.folder);
  }

  /** Starts a shell's script, or whatever `fields` have as a command. */
  async start(
    program: string,
    script: string,
    fields: object = {},
    cgroup: string | null = null,
  ): Promise<void> {
    const spec = workerSpec('w', { command: ['/bin/sh', '-c', script], ...fields });
    const env = { PATH: process.env['PATH'] ?? '', NOTIFY_SOCKET: join(this.folder, 'notify') };
    const all = { ...env, ...spec.env };
    const setup = { spec, env: all, output: this.output, boot: '', cgroup };
    await this.run(program, keeperFile(setup));
  }

  /** Starts a keeper with a file as it is. */
  async run(program: string, file: string | Buffer): Promise<void> {
    writeFileSync(join(this.folder, 'spec'), file);
    const child = spawn(program, [this.folder, 'w'], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: { ASAN_OPTIONS: 'detect_leaks=1' },
    });
    this.pid = child.pid ?? 0;
    child.stderr!.on('data', (piece: Buffer) => {
      this.#stderr += piece.toString();
    });
    child.once('close', (code) => {
      this.#code = code;
      this.#wake();
    });
    this.#stream = child.stdio[3] as Socket;
    this.#listen(this.#stream);
    await once(child, 'spawn');
  }

  /** Is ready for another keeper in the place of one that has ended. */
  again(): void {
    rmSync(this.folder, { recursive: true });
    mkdirSync(this.folder);
    this.states.length = 0;
    this.#code = undefined;
    this.pid = 0;
  }

  /** As the next controller does. */
  async connect(): Promise<Socket> {
    const socket = createConnection(join(this.folder, 'control'));
    await once(socket, 'connect');
    return socket;
  }

  #listen(stream: Socket): void {
    let text = '';
    stream.on('data', (piece: Buffer) => {
      const lines = (text + piece.toString()).split('\n');
      text = lines.pop() ?? '';
      this.states.push(...lines.map(keeperState));
      this.#wake();
    });
    stream.on('error', () => {});
  }

  /** Leaves it alone, as a controller that is killed does. */
  leave(): void {
    this.#stream?.destroy();
  }

  send(line: string): void {
    this.#stream?.write(`${line}\n`);
  }

  /** Until a state is as it should be, from now or before. */
  async until(isSo: (state: KeeperState) => boolean): Promise<KeeperState> {
    for (;;) {
      const found = this.states.find(isSo);
      if (found !== undefined) return found;
      assert.equal(this.#code, undefined, `it has ended; ${JSON.stringify(this.states)}`);
      await this.#next();
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** When it has ended: how its worker has, as its file says. Nothing was found by sanitizers. */
  async ended(): Promise<string> {
    while (this.#code === undefined) await this.#next();
    assert.equal(findingIn(this.#stderr), null, this.#stderr);
    assert.equal(this.#code, 0, this.#stderr);
    return this.file('exit')
      .trim()
      .replace(/ \d+ \d+$/, '');
  }

  file(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  get said(): string {
    try {
      return readFileSync(this.output, 'utf8');
    } catch {
      // Not there yet, or just put aside.
      return '';
    }
  }

  kill(): void {
    if (this.#code === undefined && this.pid !== 0) process.kill(this.pid, 'SIGKILL');
  }
}

/** Whether a process is there and no zombie. */
export function isThere(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Until something is so; looked at again whenever the loop comes round. */
export async function eventually(isSo: () => boolean, withinMs = 20_000): Promise<void> {
  const startMs = performance.now();
  while (!isSo()) {
    assert.ok(performance.now() - startMs < withinMs, `not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
