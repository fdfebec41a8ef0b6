/** Two hosts of a lab and one configuration for both, and the lines of the commands run there. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLab, type Lab, type LabHost } from '../../../src/lab/index.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
export const limit = { timeout: 60_000 };

export interface Setup {
  readonly lab: Lab;
  readonly config: string;
}

/** Two hosts, and one configuration file with a key that fits both. */
export async function setup(context: TestContext): Promise<Setup> {
  const lab = await createLab({ hosts: 2 });
  const folder = mkdtempSync(join(tmpdir(), 'backplane-cli-'));
  context.after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });
  const keygen = cli(lab.host(1), 'keygen', join(folder, 'cluster.key'));
  await once(keygen, 'exit');
  assert.equal(keygen.exitCode, 0);
  const config = join(folder, 'backplane.json');
  const control = 'c.sock';
  const peers = [{ name: 'one@host1', addresses: lab.host(1).addresses }];
  writeFileSync(
    config,
    JSON.stringify({ planes: lab.cidrs, keyFile: 'cluster.key', control, peers }),
  );
  return { lab, config };
}

/** The words that run the command. */
export function commandOf(args: readonly string[]): string[] {
  return [process.execPath, main, ...args];
}

/** Runs the command on a host. */
export function cli(host: LabHost, ...args: string[]): ChildProcess {
  return host.spawn(commandOf(args), { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Lines of standard output as they come, each as its JSON. */
export class Lines {
  readonly all: Record<string, unknown>[] = [];
  #waiting: (() => void)[] = [];

  constructor(child: ChildProcess) {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.all.push(JSON.parse(line));
      for (const look of this.#waiting.splice(0)) look();
    });
  }

  /** @param from the lines before this one do not count */
  async until(event: string, fields: object = {}, from = 0): Promise<void> {
    const wanted = Object.entries({ event, ...fields });
    await this.when((line) => wanted.every(([name, value]) => line[name] === value), from);
  }

  /** The first line that fits, at once when there is one. */
  async when(
    fits: (line: Record<string, unknown>) => boolean,
    from = 0,
  ): Promise<Record<string, unknown>> {
    let found = this.all.slice(from).find(fits);
    while (found === undefined) {
      await new Promise<void>((look) => {
        this.#waiting.push(look);
      });
      found = this.all.slice(from).find(fits);
    }
    return found;
  }
}
