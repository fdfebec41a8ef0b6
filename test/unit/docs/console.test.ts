import assert from 'node:assert/strict';
import test from 'node:test';
import { filesOf, outputPattern, sectionsOf } from '../../lab/docs/console.js';

const PAGE = `# Title

Save it as \`a.json\`:

\`\`\`json
{ "a": 1 }
\`\`\`

## Nothing to do

Text.

## Two things

<!-- host1 loses power -->
<!-- host2 loses power -->
\`\`\`console
host2: DOWN: nobody is there
host1$ backplane config get    # ends with 1
backplane: ERR_REPLICAS: ...

the rest
host2$ true
\`\`\`

and then

\`\`\`console
host3$ echo a # b
a
host3$ backplane status    # until it is so
up
\`\`\`
`;

test('a page is read as what is to be done, in order', () => {
  const command = { type: 'command', isAwaited: false, status: 0, output: '' };
  assert.deepEqual(sectionsOf(PAGE), [
    {
      title: 'Two things',
      steps: [
        { type: 'mark' },
        { type: 'happens', what: 'host1 loses power' },
        { type: 'happens', what: 'host2 loses power' },
        { type: 'log', host: 2, text: 'DOWN: nobody is there' },
        {
          ...command,
          host: 1,
          command: 'backplane config get',
          status: 1,
          output: 'backplane: ERR_REPLICAS: ...\n\nthe rest\n',
        },
        { ...command, host: 2, command: 'true' },
        { type: 'mark' },
        { ...command, host: 3, command: 'echo a # b', output: 'a\n' },
        { ...command, host: 3, command: 'backplane status', isAwaited: true, output: 'up\n' },
      ],
    },
  ]);
  assert.deepEqual([...filesOf(PAGE)], [['a.json', '{ "a": 1 }\n']]);
});

test('what a block holds that is no step is an error', () => {
  const block = (text: string) => `## A\n\n\`\`\`console\n${text}\n\`\`\`\n`;
  assert.throws(() => sectionsOf(block('$ true')), /begins with no host/);
  assert.throws(() => sectionsOf(block('host1: a\nb')), /prints nothing/);
});

test('what is printed fits where dots stand for the rest, and nowhere else', () => {
  const pattern = outputPattern('- [a] ... b.\n...\ndone: 3\n');
  assert.match('- [a] one b.\nx\ny\ndone: 3\n', pattern);
  assert.match('- [a]  b.\n\ndone: 3\n', pattern);
  for (const other of ['- [a] one bc\n\ndone: 3\n', '- [a] one b.\n\ndone: 3\nx', 'done: 3\n']) {
    assert.doesNotMatch(other, pattern);
  }
  assert.match('', outputPattern(''));
  assert.doesNotMatch('x\n', outputPattern(''));
});
