/** The two pages for operators of a configuration, and how they are executed. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { projectRoot } from '../../unit/rules/sources.js';
import { filesOf, outputPattern, type Section, type Step, sectionsOf } from './console.js';
import { Hosts } from './hosts.js';

/** On a machine with nothing else to do, a page takes a quarter of it. */
export const limit = { timeout: 230_000 };

function pageOf(name: string): string {
  return readFileSync(join(projectRoot, 'docs', name), 'utf8');
}

const operating = pageOf('operating-the-configuration.md');

/** What is done day by day. */
export const operatingSections = sectionsOf(operating);

/** What is done when something has failed: after the first start, which is on the other page. */
export const repairingSections = [
  ...operatingSections.filter(({ title }) => title === 'First start'),
  ...sectionsOf(pageOf('repairing-the-configuration.md')),
];

async function take(hosts: Hosts, step: Step): Promise<void> {
  switch (step.type) {
    case 'mark':
      return hosts.mark();
    case 'happens':
      return hosts.happens(step.what);
    case 'log':
      return hosts.printed(step.host, step.text);
    case 'command': {
      const { host, command, status, output } = step;
      const ran = await hosts.run(host, command);
      assert.match(ran.output, outputPattern(output), `host${host}$ ${command}`);
      assert.equal(ran.status, status, `host${host}$ ${command}`);
    }
  }
}

/** A step with the time it took, for whoever reads how it failed. */
function told(step: Step, ms: number): string {
  switch (step.type) {
    case 'mark':
      return '';
    case 'happens':
      return `<!-- ${step.what} --> (${ms} ms)`;
    case 'log':
      return `host${step.host}: ${step.text} (${ms} ms)`;
    case 'command':
      return `host${step.host}$ ${step.command} (${ms} ms)`;
  }
}

/** Does all that sections say, one after the other, each as a test. */
export async function execute(context: TestContext, sections: readonly Section[]): Promise<void> {
  const [, serve = ''] = /runs `(backplane serve [^`]*)`/.exec(operating) ?? [];
  const hosts = await Hosts.make(context, serve.split(' '));
  context.signal.addEventListener('abort', () => console.log(hosts.journals()));
  const files = filesOf(operating);
  assert.deepEqual([...files.keys()], ['backplane.json', 'cluster.yaml']);
  assert.deepEqual(JSON.parse(files.get('backplane.json') ?? '').planes, hosts.lab.cidrs);
  for (const host of [1, 2, 3]) {
    for (const [name, text] of files) writeFileSync(hosts.path(host, name), text);
  }
  for (const { title, steps } of sections) {
    let isDone = false;
    await context.test(title, async () => {
      for (const step of steps) {
        const startMs = performance.now();
        await take(hosts, step);
        console.log(told(step, Math.round(performance.now() - startMs)));
      }
      isDone = true;
    });
    // What follows rests on it.
    if (isDone) continue;
    console.log(hosts.journals());
    break;
  }
}
