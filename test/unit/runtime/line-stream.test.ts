import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { limits } from '../../../src/limits.js';
import { connectLines } from '../../../src/runtime/line-stream.js';

/** A stream with the socket at its other end, and all that it tells. */
async function pair(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-lines-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 's');
  const server = createServer();
  t.after(() => server.close());
  const come = new Promise<Socket>((resolve) => void server.once('connection', resolve));
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  const lines: string[] = [];
  let wake = () => {};
  let isClosed = false;
  const stream = await connectLines(path, limits.keeperLineBytes, {
    line: (text) => {
      lines.push(text);
      wake();
    },
    closed: () => {
      isClosed = true;
      wake();
    },
  });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { stream, peer: await come, lines, until, isClosed: () => isClosed };
}

test('lines are told whole, however they come', async (t) => {
  const { stream, peer, lines, until, isClosed } = await pair(t);
  peer.write('one\ntw');
  await until(() => lines.length === 1);
  peer.write('o\n\nthree');
  await until(() => lines.length === 3);
  assert.deepEqual(lines, ['one', 'two', '']);
  const heard = new Promise((resolve) => void peer.once('data', resolve));
  stream.write('back');
  assert.equal(String(await heard), 'back\n');
  peer.end();
  await until(isClosed);
  stream.write('nobody is there');
  assert.equal(lines.length, 3);
});

test('a line longer than may be ends the stream', async (t) => {
  const { peer, lines, until, isClosed } = await pair(t);
  const long = 'x'.repeat(limits.keeperLineBytes);
  peer.write(`${long}\n`);
  await until(() => lines.length === 1);
  peer.on('error', () => {});
  peer.write(`${long}x`);
  await until(isClosed);
  assert.deepEqual(lines, [long]);
});

test('closing it is told, too; where nobody listens there is an error', async (t) => {
  const { stream, until, isClosed } = await pair(t);
  stream.close();
  await until(isClosed);
  await assert.rejects(connectLines('/nowhere', 10, { line() {}, closed() {} }), {
    code: 'ENOENT',
  });
});
