/** A project that uses the package as npm would deliver it, without a network. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectRoot } from './sources.js';

/** What a program printed and how it ended. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most a minute. */
export function run(program: string, args: readonly string[], cwd: string): Run {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
    // `npm test` hands its own settings on to the npm that packs.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LANG: 'C.UTF-8' },
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** What of package.json the tests look at. */
export interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export const manifest = JSON.parse(
  readFileSync(join(projectRoot, 'package.json'), 'utf8'),
) as Manifest;

/** A folder with the packed package in node_modules, its dependencies and peers linked there. */
export class Consumer {
  readonly folder = mkdtempSync(join(tmpdir(), 'backplane-consumer-'));
  readonly tarball: string;
  /** Where the package lies. */
  readonly installed = join(this.folder, 'node_modules', 'backplane');

  constructor() {
    const pack = run(
      'npm',
      ['pack', '--ignore-scripts', '--pack-destination', this.folder],
      projectRoot,
    );
    if (pack.code !== 0) throw new Error(`npm pack failed: ${pack.stderr}`);
    this.tarball = join(this.folder, `backplane-${manifest.version}.tgz`);
    mkdirSync(this.installed, { recursive: true });
    const tar = ['-xzf', this.tarball, '-C', this.installed, '--strip-components=1'];
    const unpack = run('tar', tar, this.folder);
    if (unpack.code !== 0) throw new Error(`tar failed: ${unpack.stderr}`);
    const { dependencies, peerDependencies } = manifest;
    const names = [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
    for (const name of [...names, '@types/node']) {
      const link = join(this.folder, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(projectRoot, 'node_modules', name), link);
    }
  }

  /** Writes a program of the consumer and runs it; `name` ends in .mjs or .cjs. */
  program(name: string, text: string): Run {
    writeFileSync(join(this.folder, name), text);
    return run(process.execPath, [name], this.folder);
  }

  /** Removes it. */
  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
