import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { undocumented } from './documentation.js';
import { none, projectRoot } from './sources.js';

test('everything an entry point exports has a doc comment', () => {
  const rooms = ['sctp', 'observe', 'lab', 'testing', 'adapters/moleculer', 'adapters/socket.io'];
  const entries = [
    'src/index.ts',
    'src/cluster.ts',
    ...rooms.map((room) => `src/${room}/index.ts`),
  ];
  none(undocumented(projectRoot, entries));
});

test('docs/delivery.md tells the sizes of back-pressure as they are', () => {
  const page = readFileSync(join(projectRoot, 'docs/delivery.md'), 'utf8');
  const kib = (bytes: number) => `${bytes / 1024} KiB`;
  assert.ok(page.includes(`when more than ${kib(limits.outboxHighWaterBytes)} wait`));
  assert.ok(page.includes(`\`drain\` follows at ${kib(limits.outboxLowWaterBytes)}`));
});

test('docs/messaging.md tells the bounds of topics and bodies as they are', () => {
  const page = readFileSync(join(projectRoot, 'docs/messaging.md'), 'utf8');
  const number = (value: number) => value.toLocaleString('en-US');
  const mib = (bytes: number) => `${bytes / 1024 / 1024} MiB`;
  assert.ok(page.includes(`text of 1 to ${limits.topicBytes} bytes`));
  assert.ok(page.includes(`BigInt of up to ${number(limits.bigIntBits)} bits`));
  const year = new Date(limits.dateSeconds * 1000).getUTCFullYear();
  assert.ok(page.includes(`Dates up to the year ${number(year)}`));
  assert.ok(page.includes(`A body of bytes has up to ${mib(limits.messageBytes)}`));
  assert.ok(page.includes(`Any other body has up to ${mib(limits.cborBodyBytes)} when encoded`));
  for (const count of [limits.bodyItems, limits.bodyNumberKeys, limits.bodyDepth]) {
    assert.ok(page.includes(` ${number(count)} `) || page.includes(` ${number(count)}\n`));
  }
});

test('the model of the configuration takes two pages', () => {
  const page = readFileSync(join(projectRoot, 'docs/configuration.md'), 'utf8');
  const lines = page.split('\n').map(({ length }) => Math.max(1, Math.ceil(length / 100)));
  assert.ok(lines.reduce((sum, one) => sum + one) <= 140);
});

test('the rule of doc comments fails where one is missing', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-rules-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'room.ts'),
    [
      'export const bare = 1;',
      '/** Told. */ export const told = 1;',
      'export interface Bare { a: number }',
      '/** Told. */ export class Half {',
      '  a(): void {}',
      '  /** Told. */ b(): void {}',
      '  #c(): void {}',
      '}',
      'export function f(): void {}',
      'export const hidden = 1;',
    ].join('\n'),
  );
  const text = "export { bare, told, type Bare, Half, f } from './room.js';";
  writeFileSync(join(folder, 'index.ts'), text);
  assert.deepEqual(undocumented(folder, ['index.ts']), ['Bare', 'Half.a', 'bare', 'f']);
});
