import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { sctpSupport } from '../../../src/sctp/index.js';
import {
  builtCandidates,
  loadAddon,
  loadFrom,
  packageRoot,
  replaceAddon,
} from '../../../src/sctp/load-addon.js';
import { NATIVE_CONTRACT } from '../../../src/sctp/native.js';
import { nativeError } from './fake-addon.js';
import { fakeAddon, withCode } from './support.js';

const directory = mkdtempSync(join(tmpdir(), 'load-addon-'));
test.after(() => rmSync(directory, { recursive: true }));

/** A module in the addon's place: the loader does not mind that it is JavaScript. */
function moduleFile(name: string, source: string): string {
  const path = join(directory, name);
  writeFileSync(path, source);
  return path;
}

test('the package root is the nearest directory with our manifest', () => {
  const inner = join(directory, 'a', 'b');
  mkdirSync(inner, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"name":"backplane"}');
  writeFileSync(join(directory, 'a', 'package.json'), '{"name":"another"}');
  assert.equal(packageRoot(inner), directory);
  assert.throws(() => packageRoot('/'), withCode('ERR_ADDON_MISSING'));
  const [prebuilt, built] = builtCandidates('backplane.node', '/package');
  assert.match(prebuilt!, /^\/package\/prebuilds\/\w+-\w+\/backplane\.node$/);
  assert.equal(built, '/package/build/Release/backplane.node');
});

test('the first addon there is gets loaded', () => {
  const good = moduleFile('good.cjs', `exports.contract = ${NATIVE_CONTRACT}`);
  assert.equal(loadFrom([join(directory, 'none.cjs'), good], '/package').contract, NATIVE_CONTRACT);
});

test('no addon, one that does not load, one of another contract: the command to run', () => {
  const remedy = /run "npm run build" in \/package/;
  const broken = moduleFile('broken.cjs', 'throw new Error("no")');
  const other = moduleFile('other.cjs', 'exports.contract = 999');
  for (const candidates of [[join(directory, 'none.cjs')], [broken], [other]]) {
    assert.throws(() => loadFrom(candidates, '/package'), withCode('ERR_ADDON_MISSING', remedy));
  }
});

test('where there is no Linux there is no SCTP, whatever addons lie about', () => {
  replaceAddon(null);
  assert.throws(() => loadAddon('darwin'), withCode('ERR_NO_SCTP', /backplane\/testing/));
});

test('support says whether sockets can be made, and why not', () => {
  const addon = fakeAddon();
  assert.deepEqual(sctpSupport(), { engine: 'kernel', available: true, error: null });
  addon.problem = nativeError('EPROTONOSUPPORT', 'socket');
  const support = sctpSupport();
  assert.equal(support.available, false);
  assert.equal(support.error?.code, 'ERR_NO_SCTP');
});
