import assert from 'node:assert/strict';
import test from 'node:test';
import {
  addonLoaders,
  drivers,
  importsOf,
  impureImports,
  impureMachines,
  singleImporters,
  wrongAddonUses,
  wrongDoors,
  wrongPackages,
} from './imports.js';
import { none, packageSources, type Source } from './sources.js';

const sources = packageSources();

/** A file that every form of import can reach. */
const target: Source = { path: 'src/node/node.ts', text: 'export const a = 1;' };

function violationsOf(rule: (files: Source[]) => string[], path: string, text: string): string[] {
  return rule([{ path, text }, target]);
}

test('imports go one way between the rooms', () => {
  assert.ok(sources.length > 50);
  none(wrongDoors(sources));
});

test('every form of import is seen', () => {
  const text = [
    "import { a } from '../node/node.js';",
    "import type { A } from '../node/node.js';",
    "import * as all from '../node/node.js';",
    "import '../node/node.js';",
    "export { a } from '../node/node.js';",
    "export * from '../node/node.js';",
    "export type { A } from '../node/node.js';",
    "type B = import('../node/node.js').B;",
    "const c = () => import('../node/node.js');",
    "const d = require('../node/node.js');",
    "import e = require('../node/node.js');",
  ];
  const found = importsOf({ path: 'src/wire/x.ts', text: text.join('\n') });
  assert.deepEqual(
    found.map(({ place }) => place),
    text.map((_, line) => `src/wire/x.ts:${line + 1}`),
  );
  assert.ok(found.every((one) => one.target === 'src/node/node.ts'));
  assert.equal(violationsOf(wrongDoors, 'src/wire/x.ts', text.join('\n')).length, text.length);
});

test('the import rule fails on a wrong door', () => {
  const cases: [string, string, RegExp][] = [
    [
      'src/sctp/x.ts',
      "import '../node/node.js';",
      /^src\/sctp\/x\.ts:1: sctp must not import node$/,
    ],
    ['src/errors.ts', "import './node/node.js';", /errors must not import node/],
    ['src/node/x.ts', "import '../../test/run.js';", /outside of src/],
    ['src/node/x.ts', "import './nowhere.js';", /there is no src\/node\/nowhere\.ts/],
    ['src/node/x.ts', 'const load = (name: string) => import(name);', /only runs will tell/],
    ['src/attic/x.ts', "import '../node/node.js';", /attic has no place/],
  ];
  for (const [path, text, expected] of cases) {
    const found = violationsOf(wrongDoors, path, text);
    assert.equal(found.length, 1, text);
    assert.match(found[0] ?? '', expected);
  }
  assert.deepEqual(violationsOf(wrongDoors, 'src/cli/x.ts', "import '../node/node.js';"), []);
});

test('some modules have one importer', () => {
  none(wrongPackages(sources));
  for (const [specifier, owner] of Object.entries(singleImporters)) {
    const users = sources.flatMap(importsOf).filter((one) => one.specifier === specifier);
    assert.ok(users.length > 0, `${owner} does not import ${specifier}: the rule guards nothing`);
  }
});

test('the rule of single importers fails on a second one', () => {
  for (const specifier of Object.keys(singleImporters)) {
    const text = `import { x } from '${specifier}';`;
    assert.equal(violationsOf(wrongPackages, 'src/node/x.ts', text).length, 1, specifier);
  }
  const unknown = violationsOf(wrongPackages, 'src/node/x.ts', "import left from 'left-pad';");
  assert.match(unknown[0] ?? '', /unknown package left-pad/);
  const wrongRoom = violationsOf(wrongPackages, 'src/node/x.ts', "import 'commander';");
  assert.match(wrongRoom[0] ?? '', /node must not import commander/);
});

test('only the loaders name an addon', () => {
  none(wrongAddonUses(sources));
  for (const loader of addonLoaders) {
    const source = sources.find(({ path }) => path === loader);
    assert.ok(source !== undefined, `there is no ${loader}`);
    assert.equal(violationsOf(wrongAddonUses, 'src/node/x.ts', source.text).length > 0, true);
  }
});

test('rooms of machines and their drivers import nothing with a clock, a disk or a socket', () => {
  none(impureImports(sources));
  for (const name of ['fs', 'fs/promises', 'timers', 'timers/promises', 'perf_hooks', 'os']) {
    const text = `import * as x from 'node:${name}';`;
    assert.equal(violationsOf(impureImports, 'src/timing/x.ts', text).length, 1, name);
    assert.deepEqual(violationsOf(impureImports, 'src/runtime/x.ts', text), []);
  }
  const open = violationsOf(impureImports, 'src/link/x.ts', "import { connect } from 'node:net';");
  assert.match(open[0] ?? '', /connect of node:net opens sockets/);
  const check = "import { isIP } from 'node:net';";
  assert.deepEqual(violationsOf(impureImports, 'src/link/x.ts', check), []);
});

test('machines import no driver', () => {
  none(impureMachines(sources));
  for (const wrong of ['./link.js', './sctp-carrier.js', '../sctp/index.js']) {
    const text = `import { x } from '${wrong}';`;
    assert.equal(violationsOf(impureMachines, 'src/link/x.ts', text).length, 1, wrong);
    assert.deepEqual(violationsOf(impureMachines, 'src/link/link.ts', text), []);
  }
  for (const driver of drivers)
    assert.ok(
      sources.some(({ path }) => path === driver),
      driver,
    );
});
