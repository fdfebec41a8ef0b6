/** The shipped unit under systemd itself: a user's manager, in a control group of the guest. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { areGroupsOurs, groupOf } from '../../../src/lab/scenario/service.js';
import { projectRoot } from '../../unit/rules/sources.js';
import { eventually, isThere } from '../../unit/workers/keepers.js';

const SYSTEMD = '/lib/systemd/systemd';
const GROUPS = '/sys/fs/cgroup';
const UNIT = 'backplane-controller';
const fixture = fileURLToPath(new URL('./fixtures/delegated-process.js', import.meta.url));

/** Where there is systemd, and it does not run the machine: else all groups are its own. */
const isPossible = existsSync(SYSTEMD) && areGroupsOurs();

/** A manager of units that ends with the test. */
class Manager {
  readonly #env: NodeJS.ProcessEnv;
  readonly #pids: string;

  constructor(t: TestContext) {
    const home = mkdtempSync(join(tmpdir(), 'backplane-sd-'));
    const [run, units] = [join(home, 'run'), join(home, '.config/systemd/user')];
    // It looks for the mark of a system that was booted by systemd.
    for (const folder of [run, units, '/run/systemd/system'])
      mkdirSync(folder, { recursive: true });
    this.#env = { PATH: process.env['PATH'], HOME: home, XDG_RUNTIME_DIR: run };
    this.#pids = join(home, 'pids');
    const shipped = readFileSync(join(projectRoot, `deploy/${UNIT}.service`), 'utf8');
    const start = `ExecStart=${process.execPath} ${fixture} ${this.#pids}`;
    writeFileSync(join(units, `${UNIT}.service`), shipped.replace(/^ExecStart=.*$/m, start));
    const group = join(GROUPS, 'manager');
    writeFileSync(join(GROUPS, 'cgroup.subtree_control'), '+cpu');
    mkdirSync(group, { recursive: true });
    const script = `echo 0 >"$0" && exec ${SYSTEMD} --user --unit=basic.target`;
    const child = spawn('sh', ['-c', script, join(group, 'cgroup.procs')], {
      stdio: 'ignore',
      env: this.#env,
    });
    t.after(() => {
      for (const pid of this.started.flat()) if (isThere(pid)) process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
    });
  }

  /** Controllers that have begun, each with the worker it started. */
  get started(): (readonly [controller: number, worker: number])[] {
    if (!existsSync(this.#pids)) return [];
    const lines = readFileSync(this.#pids, 'utf8').trim().split('\n');
    return lines.map((line) => line.split(' ').map(Number) as [number, number]);
  }

  control(...args: string[]) {
    const argv = ['--user', ...args];
    const { status, stdout, stderr } = spawnSync('systemctl', argv, {
      env: this.#env,
      encoding: 'utf8',
    });
    return { isDone: status === 0, text: stdout.trim() + stderr };
  }

  /** Until so many have begun, and the last of them is active. */
  async begun(count: number): Promise<void> {
    await eventually(() => {
      const state = this.control('show', UNIT, '--property=ActiveState', '--value').text;
      return this.started.length === count && state === 'active';
    }, 60_000);
  }
}

async function startAgain(t: TestContext): Promise<void> {
  const manager = new Manager(t);
  await eventually(() => manager.control('start', UNIT).isDone, 60_000);
  await manager.begun(1);
  for (const [at, args] of [
    ['kill', '--kill-whom=main', '--signal=KILL', UNIT],
    ['restart', UNIT],
  ].entries()) {
    const { isDone, text } = manager.control(...args);
    assert.ok(isDone, text);
    await manager.begun(at + 2);
  }
  const { started } = manager;
  const [controller] = started.at(-1) as [number, number];
  assert.match(groupOf(controller), /\/backplane-controller\.service\/controller$/);
  for (const [, worker] of started) {
    assert.match(groupOf(worker), /\/backplane-controller\.service\/workers$/);
  }
}

if (isPossible) {
  const name = 'systemd starts the next controller while workers of the last one run on';
  test(name, { timeout: 180_000 }, startAgain);
} else {
  test('without groups of our own nothing of systemd is to be seen', () => {
    assert.equal(existsSync(join(GROUPS, 'manager')), false);
  });
}
