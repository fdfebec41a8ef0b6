import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { projectRoot } from '../../unit/rules/sources.js';
import { filesOf, outputPattern, type Step, sectionsOf } from './console.js';
import { Hosts } from './hosts.js';

const page = readFileSync(join(projectRoot, 'docs/operating-the-configuration.md'), 'utf8');

async function take(hosts: Hosts, step: Step): Promise<void> {
  switch (step.type) {
    case 'mark':
      return hosts.mark();
    case 'happens':
      console.log(`<!-- ${step.what} -->`);
      return hosts.happens(step.what);
    case 'log':
      console.log(`host${step.host}: ${step.text}`);
      return hosts.printed(step.host, step.text);
    case 'command': {
      const { host, command, status, output } = step;
      const startMs = performance.now();
      const ran = await hosts.run(host, command);
      const ms = Math.round(performance.now() - startMs);
      console.log(`host${host}$ ${command} (${ms} ms)\n${ran.output}`);
      assert.match(ran.output, outputPattern(output), `host${host}$ ${command}`);
      assert.equal(ran.status, status, `host${host}$ ${command}`);
    }
  }
}

test('every procedure of the page works as it stands there', {
  timeout: 230_000,
}, async (context) => {
  const [, serve = ''] = /runs `(backplane serve [^`]*)`/.exec(page) ?? [];
  const hosts = await Hosts.make(context, serve.split(' '));
  context.signal.addEventListener('abort', () => console.log(hosts.journals()));
  const files = filesOf(page);
  assert.deepEqual([...files.keys()], ['backplane.json', 'cluster.yaml']);
  assert.deepEqual(JSON.parse(files.get('backplane.json') ?? '').planes, hosts.lab.cidrs);
  for (const host of [1, 2, 3]) {
    for (const [name, text] of files) writeFileSync(hosts.path(host, name), text);
  }
  for (const { title, steps } of sectionsOf(page)) {
    let isDone = false;
    await context.test(title, async () => {
      for (const step of steps) await take(hosts, step);
      isDone = true;
    });
    // What follows rests on it.
    if (!isDone) break;
  }
});
