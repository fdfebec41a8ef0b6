import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { alarmCodes, severities } from '../../../src/observe/alarm-codes.js';
import { metricTable } from '../../../src/observe/metric-table.js';
import { METRIC_PREFIX } from '../../../src/observe/metrics.js';
import { projectRoot } from '../rules/sources.js';

const page = (name: string) => readFileSync(join(projectRoot, 'docs', name), 'utf8');

/** The sections of the second level: titles and texts. */
function sections(text: string): Map<string, string> {
  const parts = text.split(/^## /m).slice(1);
  return new Map(parts.map((part) => [part.split('\n')[0] ?? '', part]));
}

test('the runbook has a section for every code, and no other', () => {
  assert.deepEqual([...sections(page('runbook.md')).keys()].sort(), Object.keys(alarmCodes).sort());
});

test('each section says how serious it is, what to look at, and what to do', () => {
  const found = sections(page('runbook.md'));
  for (const [code, { severity }] of Object.entries(alarmCodes)) {
    const text = found.get(code) ?? '';
    const word = `${severity[0]?.toUpperCase()}${severity.slice(1)}`;
    assert.ok(text.includes(`\n\n**${word}.** `), `${code}: **${word}.**`);
    for (const start of ['\n\nLook at: ', '\n\nDo: '])
      assert.ok(text.includes(start), code + start);
  }
});

test('the runbook tells the times as they are', () => {
  const found = sections(page('runbook.md'));
  for (const [code, definition] of Object.entries(alarmCodes)) {
    const text = (found.get(code) ?? '').replaceAll('\n', ' ');
    const { holdMs, quietMs } = definition as { holdMs?: number; quietMs?: number };
    const minutes = (quietMs ?? 0) / 60_000;
    const quiet = `Quiet after ${minutes} minute${minutes === 1 ? '' : 's'}.`;
    assert.equal(text.includes('Quiet after'), quietMs !== undefined, code);
    if (quietMs !== undefined) assert.ok(text.includes(quiet), `${code}: ${quiet}`);
    if (holdMs !== undefined) assert.ok(text.includes(` for ${holdMs / 1000} s`), code);
  }
});

test('the table goes from the most serious codes to the least', () => {
  const ranks = Object.values(alarmCodes).map(({ severity }) => severities.indexOf(severity));
  assert.deepEqual(
    ranks,
    [...ranks].sort((a, b) => a - b),
  );
});

test('docs/observability.md lists every metric with its kind and labels, and no other', () => {
  const rows = [...page('observability.md').matchAll(/^\| `(backplane_\w+)` \|(.*?)\|(.*?)\|/gm)];
  const listed = rows.map(([, name, kind, labels]) => {
    const words = [...(labels ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label);
    return `${name} ${kind?.trim()} ${words.join()}`;
  });
  const expected = metricTable.map(
    ({ name, kind, labels }) => `${METRIC_PREFIX}${name} ${kind} ${labels.join()}`,
  );
  assert.deepEqual(listed, expected);
});
