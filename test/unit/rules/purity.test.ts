import assert from 'node:assert/strict';
import test from 'node:test';
import { forbiddenGlobals, topLevelAwaits } from './purity.js';
import { none, packageSources } from './sources.js';

const sources = packageSources();

test('the pure rooms take time, timers and randomness from runtime', () => {
  none(forbiddenGlobals(sources));
});

test('the rule of forbidden globals fails on each of them', () => {
  const uses = [
    'const t = Date.now();',
    'const t = new Date();',
    'const t = make(new Date);',
    'const t = new Wrapper(Date);',
    'setTimeout(() => {}, 1);',
    'const later = { setTimeout };',
    'const later = setInterval;',
    'setImmediate(() => {});',
    'const r = Math.random();',
    'const t = performance.now();',
    'const t = process.hrtime.bigint();',
    'const t = globalThis.performance.now();',
    'const r = crypto.getRandomValues(bytes);',
  ];
  for (const room of ['timing', 'wire', 'link', 'node', 'config', 'tasks']) {
    for (const text of uses) {
      const found = forbiddenGlobals([{ path: `src/${room}/x.ts`, text }]);
      assert.equal(found.length, 1, `${room}: ${text}`);
    }
  }
});

test('the rule of forbidden globals knows names from uses', () => {
  const text = [
    'interface Timers { setTimeout(): void; performance: number }',
    'class Fake { setTimeout(): void {} }',
    'export const made = { performance: 1 }.performance + timers.setTimeout();',
    'function run(crypto: Crypto) { return crypto.seal(); }',
    'export let stamp: Date;',
    'export const told = new Date(text);',
    'export const isDate = Object.getPrototypeOf(x) === Date.prototype;',
  ];
  assert.deepEqual(forbiddenGlobals([{ path: 'src/link/x.ts', text: text.join('\n') }]), []);
  const elsewhere = { path: 'src/runtime/x.ts', text: 'setTimeout(() => {}, 1);' };
  assert.deepEqual(forbiddenGlobals([elsewhere]), []);
});

test('no module awaits at its top level', () => {
  none(topLevelAwaits(sources));
});

test('the rule of top-level awaits fails on one', () => {
  const bad = [
    'await 1;',
    'export const x = await import("y");',
    'for await (const x of y) {}',
    'if (z) { await z; }',
  ];
  for (const text of bad) {
    assert.equal(topLevelAwaits([{ path: 'src/x.ts', text }]).length, 1, text);
  }
  const good =
    'const f = async () => { await 1; }; class A { async b() { for await (const x of y) {} } }';
  assert.deepEqual(topLevelAwaits([{ path: 'src/x.ts', text: good }]), []);
});
