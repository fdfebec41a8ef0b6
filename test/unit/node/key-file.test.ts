import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { limits } from '../../../src/limits.js';
import {
  checkKeyFileMode,
  createKeyFile,
  parseKeyFile,
  readKeyFile,
} from '../../../src/node/key-file.js';
import { systemRuntime } from '../../../src/runtime/index.js';

const folder = mkdtempSync(join(tmpdir(), 'backplane-keys-'));
after(() => rmSync(folder, { recursive: true }));

const key = randomBytes(limits.keyMinBytes);
const other = randomBytes(48);

function keyFile(text: string, mode = 0o600): string {
  const path = join(folder, `${randomBytes(4).toString('hex')}.key`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test('keys are read in base64 and in hex, the first one first', async () => {
  const text = `# ours\n\n${key.toString('base64')}\n${other.toString('hex')}\n`;
  const keys = await readKeyFile(keyFile(text));
  assert.deepEqual(
    keys.map((each) => Buffer.from(each)),
    [key, other],
  );
});

test('a new key file is for its owner alone, and can be read back', async () => {
  const path = join(folder, 'new.key');
  const before = process.umask(0);
  await createKeyFile(path, systemRuntime.random);
  process.umask(before);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const [made] = await readKeyFile(path);
  assert.equal(made?.length, limits.keyMinBytes);
});

test('a key file is never overwritten', async () => {
  const path = keyFile('precious');
  await assert.rejects(createKeyFile(path, systemRuntime.random), { code: 'ERR_KEY_FILE' });
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});

test('a key file that others can use is refused', async () => {
  const text = key.toString('base64');
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    await assert.rejects(readKeyFile(keyFile(text, mode)), {
      code: 'ERR_KEY_FILE_MODE',
      message: /chmod 600/,
    });
  }
});

test('a key file must belong to the user of the process, or to root', () => {
  const file = { isRegular: true, mode: 0o400, ownerId: 1001, userId: 1000 };
  assert.throws(() => checkKeyFileMode(file, 'k'), { code: 'ERR_KEY_FILE_MODE' });
  checkKeyFileMode({ ...file, ownerId: 1000 }, 'k');
  checkKeyFileMode({ ...file, ownerId: 0 }, 'k');
});

test('a folder is not a key file', async () => {
  const path = join(folder, 'folder');
  mkdirSync(path);
  await assert.rejects(readKeyFile(path), { code: 'ERR_KEY_FILE_MODE' });
});

test('a key file that is not there is told', async () => {
  await assert.rejects(readKeyFile(join(folder, 'none')), { code: 'ERR_KEY_FILE' });
});

test('a key of fewer than 32 bytes is refused', async () => {
  const short = randomBytes(limits.keyMinBytes - 1);
  for (const text of ['', '# nothing\n', short.toString('base64'), short.toString('hex')]) {
    await assert.rejects(readKeyFile(keyFile(text)), { code: 'ERR_KEY_SHORT' });
  }
});

test('what is neither base64 nor hex is refused, and not repeated', () => {
  assert.throws(
    () => parseKeyFile('correct horse battery staple', 'k'),
    (error: Error) => {
      assert.equal((error as { code?: string }).code, 'ERR_KEY_FILE');
      assert.doesNotMatch(error.message, /horse/);
      return true;
    },
  );
});

test('a key file has so many keys and no more', async () => {
  const lines = (count: number) => Array(count).fill(key.toString('base64')).join('\n');
  const most = await readKeyFile(keyFile(lines(limits.keys)));
  assert.equal(most.length, limits.keys);
  const more = readKeyFile(keyFile(lines(limits.keys + 1)));
  await assert.rejects(more, { code: 'ERR_KEY_FILE' });
});

test('a file that is too large is no key file', async () => {
  const text = `${key.toString('base64')}\n#${' '.repeat(limits.keyFileBytes)}`;
  await assert.rejects(readKeyFile(keyFile(text)), { code: 'ERR_KEY_FILE' });
});
