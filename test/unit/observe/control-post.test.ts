import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { NodeError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { type ControlPost, serveControl } from '../../../src/observe/control.js';
import { postControl } from '../../../src/observe/control-post-client.js';
import { Cluster } from '../node/cluster.js';

async function served(context: TestContext, post: ControlPost): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bp-post-'));
  const path = join(folder, 'c.sock');
  const { node } = await new Cluster().start('one', 1);
  const server = await serveControl(node, { path, posts: { '/do': post } });
  context.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return path;
}

async function all(answers: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const answer of answers) found.push(answer);
  return found;
}

/** The status and text that a body gets which is sent as it stands. */
async function raw(path: string, body: string): Promise<[number, string]> {
  const asked = request({ socketPath: path, path: '/do', method: 'POST' });
  asked.on('error', () => {});
  asked.end(body);
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return [response.statusCode, text];
}

test('what is asked is answered, as one value or line by line', async (context) => {
  const path = await served(context, (body) => {
    const { lines } = body as { lines?: number };
    if (lines === undefined) return Promise.resolve({ body });
    return (async function* () {
      for (let at = 0; at < lines; at++) yield { at };
    })();
  });
  assert.deepEqual(await all(postControl(path, '/do', { a: 1 })), [{ body: { a: 1 } }]);
  assert.deepEqual(await all(postControl(path, '/do', { lines: 3 })), [
    { at: 0 },
    { at: 1 },
    { at: 2 },
  ]);
});

test('what fails comes back with its code; a fault of the program without one', async (context) => {
  const failures: Record<string, () => ReturnType<ControlPost>> = {
    coded: () => Promise.reject(new NodeError('ERR_REPLICAS', 'two is away')),
    fault: () => {
      throw new TypeError('oh');
    },
    late: async function* () {
      yield 1;
      throw new NodeError('ERR_CLOSED', 'no more');
    },
  };
  const path = await served(context, (body) => failures[body as string]!());
  await assert.rejects(all(postControl(path, '/do', 'coded')), {
    code: 'ERR_REPLICAS',
    message: 'two is away',
  });
  await assert.rejects(all(postControl(path, '/do', 'fault')), {
    code: 'ERR_CONTROL',
    message: 'oh',
  });
  await assert.rejects(all(postControl(path, '/do', 'late')), { code: 'ERR_CLOSED' });
  await assert.rejects(all(postControl(path, '/nothing', 1)), {
    code: 'ERR_CONTROL',
    message: 'answered 405 to /nothing',
  });
});

test('a request is JSON, and not longer than it may be', async (context) => {
  const path = await served(context, async (body) => body);
  assert.deepEqual((await raw(path, '{'))[0], 409);
  const long = await raw(path, `"${'x'.repeat(limits.controlBytes)}"`);
  assert.match(long[1], /at most \d+ bytes/);
});

test('who asks may stop, and who answers learns of it', async (context) => {
  let stopped: Promise<unknown> | null = null;
  const path = await served(context, (_, signal) => {
    stopped = once(signal, 'abort');
    return (async function* () {
      for (let at = 0; ; at++) {
        yield at;
        if (at === 2) await stopped;
      }
    })();
  });
  const stop = new AbortController();
  const found: unknown[] = [];
  const { signal } = stop;
  for await (const answer of postControl(path, '/do', 1, { signal, deadlineMs: 0 })) {
    found.push(answer);
    if (found.length === 3) stop.abort();
  }
  assert.deepEqual(found, [0, 1, 2]);
  await stopped;
});

test('an answer that does not come in time is an error', async (context) => {
  const path = await served(context, (_, signal) => once(signal, 'abort'));
  await assert.rejects(all(postControl(path, '/do', 1, { deadlineMs: 20 })), {
    code: 'ERR_CONTROL',
    message: /no answer within 20 ms/,
  });
});
