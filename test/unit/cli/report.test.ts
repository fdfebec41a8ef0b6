import assert from 'node:assert/strict';
import { release } from 'node:os';
import { afterEach, test } from 'node:test';
import { environment, finish, table } from '../../../src/cli/report.js';

const exitCodeBefore = process.exitCode;
afterEach(() => {
  process.exitCode = exitCodeBefore;
});

function printed(...args: Parameters<typeof finish>): { text: string; exitCode: unknown } {
  let text = '';
  finish(args[0], {
    ...args[1],
    write: (part) => {
      text += part;
    },
  });
  return { text, exitCode: process.exitCode };
}

test('environment names node, kernel and the place', () => {
  const found = environment();
  assert.equal(found.node, process.version);
  assert.equal(found.kernel, release());
  assert.match(found.where, /^(host|uml)$/);
});

test('with json the whole output is one line, verdict first, figures last', () => {
  const { text, exitCode } = printed(
    { command: 'demo', violations: [], sent: 10, profile: undefined },
    { json: true, text: 'not shown' },
  );
  assert.equal(text.split('\n').length, 2);
  assert.ok(text.endsWith('\n'));
  const report = JSON.parse(text);
  assert.deepEqual(Object.keys(report).slice(0, 3), ['command', 'ok', 'violations']);
  assert.equal(report.ok, true);
  assert.equal(report.sent, 10);
  assert.equal('profile' in report, false);
  assert.equal(report.node, process.version);
  assert.equal(exitCode, 0);
});

test('a violation makes ok false and the exit code 1', () => {
  const { text, exitCode } = printed(
    { command: 'demo', violations: ['3 messages were lost'] },
    { json: true },
  );
  assert.equal(JSON.parse(text).ok, false);
  assert.equal(exitCode, 1);
});

test('a figure cannot stand in for the verdict or the place', () => {
  const { text } = printed(
    { command: 'demo', violations: ['broken'], ok: true, node: 'v0.0.0' },
    { json: true },
  );
  const report = JSON.parse(text);
  assert.equal(report.ok, false);
  assert.equal(report.node, process.version);
});

test('without json a person reads the text, then what is broken', () => {
  const { text } = printed(
    { command: 'demo', violations: ['3 messages were lost'] },
    { json: false, text: () => 'a table\n' },
  );
  assert.equal(text, 'a table\n\nPromises broken:\n  - 3 messages were lost\n');
  const kept = printed({ command: 'demo', violations: [] }, { json: false });
  assert.equal(kept.text, 'All promises kept.\n');
});

test('table pads columns and puts numbers to the right', () => {
  assert.equal(
    table(
      ['case', 'msg/s', 'ok'],
      [
        ['small', 71234.5, 'yes'],
        ['a large one', '8.00', 'no'],
        ['none', null, ''],
      ],
    ),
    [
      'case            msg/s  ok',
      '-----------  --------  ---',
      'small        71,234.5  yes',
      'a large one      8.00  no',
      'none',
      '',
    ].join('\n'),
  );
});

test('table without rows is its header', () => {
  assert.equal(table(['a', 'bc'], []), 'a  bc\n-  --\n');
});
