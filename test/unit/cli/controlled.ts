/** Commands of `backplane` against a controller of this process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { controllerControl } from '../../../src/controller/control.js';
import { CONTROLLER_CONTROL } from '../../../src/controller/control-path.js';
import type { Controller } from '../../../src/controller/controller.js';
import { serveControl } from '../../../src/observe/control.js';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

/** What a command has come to. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ran>;
}

/** Gives a controller a control socket, and begins commands that ask it. */
export async function controlled(
  context: TestContext,
  controller: Controller,
): Promise<(...args: readonly string[]) => Running> {
  const folder = mkdtempSync(join(tmpdir(), 'bp-controlled-'));
  const path = join(folder, 'control');
  const posts = { [CONTROLLER_CONTROL]: controllerControl(controller) };
  const socket = await serveControl(controller.node, { path, posts });
  context.after(async () => {
    await socket.close();
    rmSync(folder, { recursive: true });
  });
  return (...args) => {
    const child = spawn(process.execPath, [MAIN, ...args, '--control', path]);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (piece) => {
      stdout += piece;
    });
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    const ended = once(child, 'close').then(([status]) => ({ status, stdout, stderr }));
    return { child, ended };
  };
}
