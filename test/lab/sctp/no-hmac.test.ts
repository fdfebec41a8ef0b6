import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { listen, type SctpError } from '../../../src/sctp/index.js';
import { run } from './own-network.js';

/** The file of a module of the running kernel, on a host or in a User Mode Linux guest. */
function moduleFile(name: string): string {
  for (const root of ['/usr/lib/uml/modules', '/lib/modules']) {
    const directory = join(root, release());
    try {
      const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
      const file = files.find(
        (path) => path.endsWith(`/${name}.ko`) || path.includes(`/${name}.ko.`),
      );
      if (file !== undefined) return join(directory, file);
    } catch {
      // Not where this kernel keeps its modules.
    }
  }
  throw new Error(`no module ${name} for ${release()}`);
}

test('a kernel that cannot make cookies: ERR_NO_HMAC, and well again with the module', () => {
  const addresses = ['127.0.0.1'];
  if (/^hmac /m.test(readFileSync('/proc/modules', 'utf8'))) run('rmmod', 'hmac');
  try {
    assert.throws(
      () => listen({ addresses }),
      (error: SctpError) => {
        assert.equal(error.code, 'ERR_NO_HMAC');
        assert.equal(error.syscall, 'listen');
        assert.match(error.message, /net\.sctp\.cookie_hmac_alg.*modprobe hmac/);
        return true;
      },
    );
  } finally {
    run('insmod', moduleFile('hmac'));
  }
  listen({ addresses }).close();
});
