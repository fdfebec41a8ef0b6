import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import test, { after } from 'node:test';
import { publint } from 'publint';
import ts from 'typescript';
import { Consumer, manifest, run } from './consumer.js';
import { importsOf } from './imports.js';
import { none, projectRoot } from './sources.js';

const consumer = new Consumer();
after(() => consumer.close());

const entries = Object.keys(manifest.exports)
  .filter((key) => !key.endsWith('.json'))
  .map((key) => posix.join('backplane', key));

test('the tarball has what it promises, what builds the addon, and nothing else', () => {
  const promised = [...Object.values(manifest.exports), ...Object.values(manifest.bin)];
  const needed = ['binding.gyp', 'addon', 'scripts/setup.mjs', 'LICENSE', 'README.md'];
  none([...promised, ...needed].filter((path) => !existsSync(join(consumer.installed, path))));
  const unwanted = ['src', 'test', 'dist/test', 'dist/bench', 'build', 'scripts/run.mjs'];
  none(unwanted.filter((path) => existsSync(join(consumer.installed, path))));
});

test('the command of the package can be run', () => {
  const text = readFileSync(join(consumer.installed, manifest.bin['backplane'] ?? ''), 'utf8');
  assert.match(text, /^#!\/usr\/bin\/env node\n/);
});

test('the scripts in the tarball find everything they import there', () => {
  const pending = ['scripts/setup.mjs'];
  const seen = new Set<string>();
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = readFileSync(join(consumer.installed, path), 'utf8');
    for (const { target } of importsOf({ path, text })) if (target !== null) pending.push(target);
  }
  assert.ok(seen.size > 5);
});

test('import and require give every entry point', () => {
  const expected = [
    'backplane',
    'backplane/sctp',
    'backplane/cluster',
    'backplane/observe',
    'backplane/lab',
    'backplane/testing',
    'backplane/moleculer',
    'backplane/socket.io',
  ];
  assert.deepEqual(entries, expected);
  const imports = entries.map((entry) => `print(await import('${entry}'));`);
  const requires = entries.map((entry) => `print(require('${entry}'));`);
  const print = `const print = (names) =>
    console.log(Object.keys(names).filter((n) => n !== '__esModule').sort().join(' '));\n`;
  const imported = consumer.program('import.mjs', print + imports.join('\n'));
  const required = consumer.program('require.cjs', print + requires.join('\n'));
  assert.equal(imported.stderr, '');
  assert.equal(imported.stdout, required.stdout);
  const names = imported.stdout.trimEnd().split('\n');
  assert.equal(names.length, entries.length);
  const known = [
    ...['startNode', 'connect', 'openConfig', 'observeMetrics', 'createLab'],
    ...['createTestNetwork', 'SctpTransporter', 'createAdapter'],
  ];
  for (const [index, name] of known.entries()) {
    assert.ok(names[index]?.split(' ').includes(name), `${entries[index]} has no ${name}`);
  }
});

/** Prints the address of every module that is loaded after it, and refuses addons. */
const TRACE = `
import { register } from 'node:module';
const hooks = \`import { writeSync } from 'node:fs';
export async function load(url, context, next) {
  writeSync(1, url + '\\\\n');
  return next(url, context);
}\`;
register('data:text/javascript,' + encodeURIComponent(hooks));
process.dlopen = () => { throw new Error('an addon was loaded'); };
`;

function modulesLoadedBy(entry: string): string[] {
  const { code, stdout, stderr } = consumer.program('t.mjs', `${TRACE}await import('${entry}');`);
  assert.equal(code, 0, stderr);
  const root = `${consumer.installed}/dist/src/`;
  return stdout.split('\n').flatMap((url) => {
    const at = url.indexOf(root);
    return at === -1 ? [] : [url.slice(at + root.length)];
  });
}

test('backplane/sctp loads no other room, and no addon', () => {
  const loaded = modulesLoadedBy('backplane/sctp');
  assert.ok(loaded.includes('sctp/association.js'));
  none(loaded.filter((path) => !/^(sctp\/.*|errors\.js|limits\.js)$/.test(path)));
  const whole = modulesLoadedBy('backplane');
  assert.ok(whole.some((path) => path.startsWith('node/')));
  none(whole.filter((path) => /^(config|lab|cli|observe|testing|adapters)\//.test(path)));
});

test('backplane/cluster loads the node, and nothing of those who use it', () => {
  const loaded = modulesLoadedBy('backplane/cluster');
  assert.ok(loaded.includes('config/open.js'));
  none(loaded.filter((path) => /^(lab|cli|observe|testing|adapters)\//.test(path)));
});

const ASKERS = [
  ...['config', 'masters', 'nodes', 'paths', 'keygen'],
  ...['status', 'alarms', 'workers', 'drain', 'completion'],
];

test('a command that asks a node that runs loads none', () => {
  for (const name of ASKERS) {
    const loaded = modulesLoadedBy(`${consumer.installed}/dist/src/cli/${name}.js`);
    assert.ok(loaded.includes(`cli/${name}.js`));
    none(loaded.filter((path) => /^(index\.js|cluster\.js|(link|sctp|lab)\/.*)$/.test(path)));
  }
});

test('an adapter loads the node and its own framework, and no other', () => {
  for (const [own, other] of [
    ['moleculer', 'socket.io'],
    ['socket.io', 'moleculer'],
  ]) {
    const loaded = modulesLoadedBy(`backplane/${own}`);
    assert.ok(loaded.includes(`adapters/${own}/index.js`));
    none(loaded.filter((path) => path.startsWith(`adapters/${other}/`)));
    none(loaded.filter((path) => /^(lab|cli)\//.test(path)));
  }
});

test('nobody has to install a framework', () => {
  const { peerDependencies, peerDependenciesMeta } = manifest;
  assert.deepEqual(Object.keys(peerDependencies), ['moleculer', 'socket.io-adapter']);
  for (const name of Object.keys(peerDependencies)) {
    assert.equal(peerDependenciesMeta[name]?.optional, true, name);
    assert.equal(manifest.dependencies[name], undefined);
  }
});

test('backplane/testing can be installed and used on any system, without an addon', () => {
  const { os } = JSON.parse(readFileSync(join(consumer.installed, 'package.json'), 'utf8'));
  assert.equal(os, undefined);
  const { stdout, stderr } = consumer.program(
    'testing.mjs',
    `process.dlopen = () => { throw new Error('an addon was loaded'); };
     Object.defineProperty(process, 'platform', { value: 'darwin' });
     const { createTestNetwork } = await import('backplane/testing');
     const network = createTestNetwork();
     const one = await network.node('one');
     const two = await network.node('two');
     two.handle('sum', (numbers) => numbers.reduce((sum, number) => sum + number));
     await network.linked();
     console.log(await one.call('two@test', 'sum', [1, 2, 3]));
     await network.close();`,
  );
  assert.equal(stdout, '6\n', stderr);
});

test('without an addon there is a code, and the command that builds one', () => {
  const { stdout } = consumer.program(
    'support.mjs',
    `import { sctpSupport } from 'backplane/sctp';
     const { error } = sctpSupport();
     console.log(error.code, error.message);`,
  );
  assert.match(stdout, /^ERR_ADDON_MISSING /);
  assert.ok(stdout.includes(`run "npm run build" in ${consumer.installed}`), stdout);
});

test('the types of every entry point hold in a strict consumer', () => {
  const text = entries.map((entry, i) => `export * as e${i} from '${entry}';`).join('\n');
  const files = ['types.mts', 'types.cts'].map((name) => join(consumer.folder, name));
  for (const file of files) writeFileSync(file, text);
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(consumer.folder, 'node_modules', '@types')],
  });
  const host = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => consumer.folder,
    getNewLine: () => '\n',
  };
  assert.equal(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host), '');
});

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: consumer.installed, pack: false, strict: true });
  none(messages.map((message) => JSON.stringify(message)));
});

test('the types resolve for every way of importing', () => {
  // The profile leaves out CommonJS under the rules of Node 16, where ES modules could not be
  // required: every Node this package allows can, and the test of require above holds it.
  const attw = join(projectRoot, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
  const args = [attw, consumer.tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'];
  const { code, stdout, stderr } = run(process.execPath, args, consumer.folder);
  assert.equal(code, 0, stdout + stderr);
});
