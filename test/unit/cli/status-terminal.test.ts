import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { statusLines } from '../../../src/cli/status-text.js';
import type { ClusterStatus } from '../../../src/controller/cluster-status.js';
import { large, small } from '../controller/statuses.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const ROWS = 30;
const ESC = '\u001b';

/** A control socket at which a controller always says the same. */
async function controller(context: TestContext, status: ClusterStatus): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-status-'));
  const path = join(folder, 's');
  const server = createServer((_, response) => void response.end(`${JSON.stringify(status)}\n`));
  server.listen(path);
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  return path;
}

interface Shown {
  readonly text: string;
  /** What a person sees, line by line. */
  readonly lines: readonly string[];
}

/** Runs the command in a terminal of its own, and ends it when it has shown enough. */
async function inTerminal(
  columns: number,
  args: readonly string[],
  isEnough: (text: string) => boolean = () => false,
  env: Readonly<Record<string, string>> = {},
): Promise<Shown> {
  const command = [process.execPath, main, ...args].map((word) => `'${word}'`).join(' ');
  const inside = `stty cols ${columns} rows ${ROWS}; exec ${command}`;
  const child = spawn('script', ['-qfec', inside, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], TERM: 'xterm', ...env },
  });
  let text = '';
  let isEnding = false;
  child.stdout.on('data', (piece) => {
    text += piece;
    if (isEnding || !isEnough(text)) return;
    isEnding = true;
    child.stdin.write('\u0003');
  });
  await once(child, 'close');
  const lines = stripVTControlCharacters(text).split('\r\n');
  return { text, lines: lines.slice(0, -1) };
}

test('in a terminal nothing wraps and nothing is cut, at 80 and 140 columns', async (context) => {
  for (const status of [small(), large()]) {
    const path = await controller(context, status);
    for (const columns of [80, 140]) {
      const { text, lines } = await inTerminal(columns, ['status', '--control', path]);
      assert.deepEqual(lines, statusLines(status, { columns, hasColours: false }));
      assert.ok(lines.every(({ length }) => length <= columns));
      assert.ok(text.includes(`${ESC}[3`), 'there are colours');
    }
  }
});

test('colours are for terminals alone, and only where they are wanted', async (context) => {
  const path = await controller(context, small());
  const args = ['status', '--control', path];
  const { text } = await inTerminal(80, args, undefined, { NO_COLOR: '1' });
  assert.ok(!text.includes(ESC));
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let piped = '';
  child.stdout.on('data', (piece) => {
    piped += piece;
  });
  await once(child, 'close');
  assert.equal(piped, `${statusLines(small(), { columns: 80, hasColours: false }).join('\n')}\n`);
});

test('what is watched is drawn over, and never longer than the screen', async (context) => {
  for (const status of [small(), large()]) {
    const path = await controller(context, status);
    const args = ['status', '--watch', '--control', path];
    const screens = (text: string) => text.split(`${ESC}[H`).slice(1);
    const { text } = await inTerminal(80, args, (so) => screens(so).length > 2);
    const [first = ''] = screens(text);
    const lines = stripVTControlCharacters(first).split('\r\n').slice(0, -1);
    const whole = statusLines(status, { columns: 80, hasColours: false });
    if (whole.length < ROWS) assert.deepEqual(lines, whole);
    else {
      assert.equal(lines.length, ROWS - 1);
      assert.equal(lines.at(-1), `... ${whole.length - ROWS + 2} lines more`);
    }
  }
});
