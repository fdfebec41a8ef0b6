import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { missingPackages } from '../../../src/lab/guest/guest.js';
import { startGuest } from './fixtures/start-guest.js';
import { Traces, until } from './fixtures/traces.js';

/** A guest's end takes some 100 ms; this is for a busy machine. */
const GONE_MS = 10_000;
const BOOT_MS = 30_000;

type Running = ReturnType<typeof startGuest>;

/** Moments in the life of a guest; each resolves when the guest is there. */
const phases: Record<string, (running: Running, traces: Traces) => Promise<unknown>> = {
  'as it starts': async () => {},
  'as its warden starts': async (_, traces) => {
    const seen = await until(
      () => traces.processes(),
      (names) => names.some((name) => name.startsWith('sh ')),
      BOOT_MS,
    );
    assert.ok(seen.length > 0);
  },
  'while it boots': async (_, traces) => {
    const isKernel = (names: string[]) => names.some((name) => name.startsWith('linux.uml '));
    assert.ok(isKernel(await until(() => traces.processes(), isKernel, BOOT_MS)));
  },
  'while its job runs': async ({ child }) => {
    await new Promise((resolve) => child.stdout!.once('data', resolve));
  },
};

const cases: ReadonlyArray<readonly [phase: string, signal: NodeJS.Signals]> = [
  ['as it starts', 'SIGKILL'],
  ['as it starts', 'SIGINT'],
  ['as its warden starts', 'SIGKILL'],
  ['as its warden starts', 'SIGINT'],
  ['while it boots', 'SIGKILL'],
  ['while it boots', 'SIGTERM'],
  ['while its job runs', 'SIGKILL'],
  ['while its job runs', 'SIGINT'],
  ['while its job runs', 'SIGTERM'],
  ['while its job runs', 'SIGHUP'],
];

async function interrupt(phase: string, signal: NodeJS.Signals): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-interrupt-'));
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  const traces = new Traces(folder);
  try {
    const running = startGuest(
      { argv: ['/bin/sh', '-c', 'echo ready; sleep 1000'] },
      // A process group of its own, so that the signal can come as a terminal sends it: to the
      // whole group.
      { env: { ...process.env, TMPDIR: folder }, detached: true },
    );
    await phases[phase]!(running, traces);
    traces.processes();
    process.kill(-running.child.pid!, signal);
    const { exitCode, signal: endedBy } = await running.ended;
    // Before its handlers are there, a signal ends the process by itself; a shell shows the same
    // number for both.
    const code = exitCode ?? 128 + constants.signals[endedBy!];
    assert.equal(code, 128 + constants.signals[signal]);
    const gone = await until(
      () => ({ processes: traces.processes(), files: traces.files() }),
      ({ processes, files }) => processes.length + files.length === 0,
      GONE_MS,
    );
    assert.deepEqual(gone, { processes: [], files: [] });
    assert.equal(readFileSync('/proc/self/mounts', 'utf8'), mounts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (missingPackages().length === 0) {
  for (const [phase, signal] of cases) {
    test(`${signal} ${phase} leaves no process, file or mount`, () => interrupt(phase, signal));
  }
} else {
  test('without the packages there is nothing to interrupt', async () => {
    const { exitCode } = await startGuest({ argv: ['/bin/true'] }).ended;
    assert.equal(exitCode, 99);
  });
}
