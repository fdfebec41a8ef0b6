import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { createLab } from '../../../src/lab/index.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const root = dirname(dirname(dirname(dirname(main))));
const page = readFileSync(join(root, 'docs/getting-started.md'), 'utf8');

/** Commands of the page as they stand there, each with the number of its host. */
const commands = [...page.matchAll(/^npx backplane (\S.*?) +# on host (\d)/gm)].map(
  ([, words = '', host = '']) => ({ words: words.split(' '), host: Number(host) }),
);
const configuration = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '';

/** Resolves when a line of its log has all these fields; a pattern stands for texts. */
function line(child: ChildProcess, wanted: Readonly<Record<string, unknown>>): Promise<void> {
  return new Promise((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (text) => {
      const fields = JSON.parse(text) as Record<string, unknown>;
      const has = ([key, value]: [string, unknown]) =>
        value instanceof RegExp
          ? value.test(String(fields[key]))
          : isDeepStrictEqual(fields[key], value);
      if (Object.entries(wanted).every(has)) resolve();
    });
  });
}

test('the steps of the page work as they stand there', { timeout: 60_000 }, async (context) => {
  const lab = await createLab({ hosts: 2 });
  const folder = mkdtempSync(join(tmpdir(), 'backplane-docs-'));
  context.after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });
  const run = (index: number, ...more: string[]) => {
    const { words, host } = commands[index]!;
    const command = [process.execPath, main, ...words, ...more];
    return lab.host(host).spawn(command, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  };
  assert.deepEqual(
    commands.map(({ words, host }) => `${words[0]} ${host}`),
    ['keygen 1', 'serve 1', 'serve 2', 'ping 2'],
  );
  assert.deepEqual(JSON.parse(configuration).planes, lab.cidrs);
  writeFileSync(join(folder, 'backplane.json'), configuration);

  const [keygenStatus] = await once(run(0), 'exit');
  assert.equal(keygenStatus, 0);
  const [one, two] = [run(1), run(2)];
  const up = (peer: string) => ({ event: 'nodeup', peer });
  await Promise.all([line(one, up('node@host2')), line(two, up('node@host1'))]);

  const ping = run(3, '--count', '25');
  const told = Promise.all([
    line(one, {
      level: 'warn',
      // The state is that of the moment in which it is told.
      msg: /^path to node@host2 on plane a: potentially-failed, /,
      address: '10.1.0.2',
    }),
    line(one, {
      level: 'warn',
      msg: 'redundancy to node@host2 is lost: no path on a',
      missing: ['a'],
    }),
  ]);
  await line(one, { event: 'nodeup', peer: /^ping-/ });
  lab.cut('link-down', 'a', 2);
  await told;
  lab.heal();
  const [pingStatus] = await once(ping, 'exit');
  assert.equal(pingStatus, 0, 'no ping is lost');

  const left = line(one, { event: 'nodedown', peer: 'node@host2', reason: 'left' });
  two.kill('SIGINT');
  await left;
  one.kill('SIGINT');
});
