import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  brokenLinks,
  leftOvers,
  longFiles,
  longFunctions,
  longLines,
  objectKeys,
  unionMembers,
  unknownCommands,
  unrunTests,
  unused,
} from './hygiene.js';
import { none, packageSources, projectRoot, readSources, type Source } from './sources.js';

const places = ['src', 'test', 'bench', 'examples', 'scripts', 'addon'];
const all = readSources(places, /\.(ts|mjs|cc|c|h)$/);
const scripted = all.filter(({ path }) => /\.(ts|mjs)$/.test(path));
const documents = readSources(
  ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'docs'],
  /\.md$/,
);
const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

function source(path: string): Source {
  const found = all.find((one) => one.path === path);
  assert.ok(found !== undefined, `there is no ${path}`);
  return found;
}

function sample(text: string): Source[] {
  return [{ path: 'x.ts', text }];
}

test('no file is longer than two rooms', () => {
  none(longFiles(all));
  assert.deepEqual(longFiles(sample('a\n'.repeat(500))), []);
  assert.deepEqual(longFiles(sample('a\n'.repeat(501))), ['x.ts: 501 lines, at most 500']);
});

test('no line is longer than 100 columns', () => {
  none(longLines(all));
  assert.deepEqual(longLines(sample('a'.repeat(100))), []);
  assert.deepEqual(longLines(sample(`a\n${'a'.repeat(101)}`)), ['x.ts:2: 101 columns']);
});

test('every function fits a screen', () => {
  none(longFunctions(scripted));
  const body = (count: number) => `const f = () => {\n${'a();\n'.repeat(count - 2)}};`;
  assert.deepEqual(longFunctions(sample(body(70))), []);
  assert.deepEqual(longFunctions(sample(body(71))), ['x.ts:1: a function of 71 lines']);
});

test('nothing was put off in a comment', () => {
  none(leftOvers(all));
  for (const word of ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK']) {
    assert.deepEqual(leftOvers(sample(`a();\n// ${word}: b`)), [`x.ts:2: ${word}`]);
  }
});

test('no test is skipped, put off or alone', () => {
  const tests = all.filter(({ path }) => path.startsWith('test/') && path.endsWith('.test.ts'));
  assert.ok(tests.length > 20);
  none(unrunTests(tests));
  const bad = ["test.skip('a');", "test.only('a');", "test('a', { todo: true });", 't.skip();'];
  for (const text of bad) assert.equal(unrunTests(sample(text)).length, 1, text);
  assert.deepEqual(unrunTests(sample('assert.equal(counts.skip, 0); count({ skip: 1 });')), []);
});

test('every error code is used', () => {
  const codes = unionMembers(source('src/errors.ts'), 'ErrorCode');
  assert.ok(codes.length > 30);
  const others = packageSources().filter(({ path }) => path !== 'src/errors.ts');
  none(unused(codes, others));
  assert.deepEqual(unused([...codes, 'ERR_NEVER'], others), ['ERR_NEVER']);
});

test('docs/errors.md lists every error code, and no other', () => {
  const codes = unionMembers(source('src/errors.ts'), 'ErrorCode');
  const page = documents.find(({ path }) => path === 'docs/errors.md');
  const listed = new Set(
    [...(page?.text ?? '').matchAll(/\bERR_[A-Z_]+\b/g)].map(([code]) => code),
  );
  none(codes.filter((code) => !listed.has(code)).map((code) => `${code} is not listed`));
  none([...listed].filter((code) => !codes.includes(code)).map((code) => `there is no ${code}`));
});

test('every limit is used', () => {
  const names = objectKeys(source('src/limits.ts'), 'limits');
  assert.ok(names.length > 20);
  const others = packageSources().filter(({ path }) => path !== 'src/limits.ts');
  none(unused(names, others));
  assert.deepEqual(unused([...names, 'neverBytes'], others), ['neverBytes']);
  assert.deepEqual(
    objectKeys({ path: 'x.ts', text: 'const a = { b: 1, c: { d: 2 } } as const;' }, 'a'),
    ['b', 'c'],
  );
});

test('documents name commands and files that exist', () => {
  const exists = (path: string) => existsSync(join(projectRoot, path));
  none(documents.flatMap((document) => brokenLinks(document, exists)));
  const names = Object.keys(scripts);
  none(documents.flatMap((document) => unknownCommands(document, names)));
  const page = { path: 'docs/a.md', text: 'See [b](b.md#c), [d](https://d), `npm run -s e`.' };
  assert.deepEqual(
    brokenLinks(page, () => false),
    ['docs/a.md: b.md is not there'],
  );
  assert.deepEqual(unknownCommands(page, names), ['docs/a.md: npm run e does not exist']);
});

test('README and CONTRIBUTING name every command', () => {
  const readme = documents.find(({ path }) => path === 'README.md')?.text ?? '';
  const contributing = documents.find(({ path }) => path === 'CONTRIBUTING.md')?.text ?? '';
  for (const command of ['npm run demo', 'npm test']) assert.ok(readme.includes(command), command);
  for (const name of Object.keys(scripts)) {
    const command = name === 'test' ? 'npm test' : `npm run ${name}`;
    const silent = `npm run -s ${name}`;
    assert.ok(
      `${readme}${contributing}`.includes(command) || contributing.includes(silent),
      command,
    );
  }
});

test('the test command of .ci/run is that of the README', () => {
  const file = join(projectRoot, '.ci/run');
  assert.match(readFileSync(file, 'utf8'), /npm test$/m);
});
