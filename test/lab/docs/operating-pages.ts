/** The pages for operators, and how they are executed. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
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

/** A page with what its test has to know besides. */
export interface Operated {
  readonly text: string;
  /** The files it tells to save, in its order; the first one has the planes of the hosts. */
  readonly files: readonly string[];
  readonly planes: readonly string[];
  /** The words of a command that its services run stand behind this. */
  readonly service: RegExp;
}

/** The hosts of a configuration alone. */
const configuration: Operated = {
  text: operating,
  files: ['backplane.json', 'cluster.yaml'],
  planes: ['a', 'b'],
  service: /runs `(backplane serve [^`]*)`/,
};

/** The hosts of a cluster; the third plane comes later. */
export const cluster: Operated = {
  text: pageOf('operating-a-cluster.md'),
  files: ['host.yaml', 'cluster.yaml', 'worker.mjs'],
  planes: ['a', 'b', 'c'],
  service: /`(backplane start [^`]*)` in that folder/,
};

/** What is awaited takes a round trip or two, and much more on a busy machine. */
const AWAITED_MS = 20_000;

/** With it, what a log line rests on: a process that starts, a link that is found lost. */
const PRINTED_MS = 60_000;

async function take(hosts: Hosts, step: Step): Promise<void> {
  switch (step.type) {
    case 'mark':
      return hosts.mark();
    case 'happens':
      return hosts.happens(step.what);
    case 'log': {
      const isPrinted = await hosts.printed(step.host, step.text, PRINTED_MS);
      assert.ok(isPrinted, `host${step.host} does not say within ${PRINTED_MS} ms: ${step.text}`);
      return;
    }
    case 'command': {
      const { host, command, isAwaited, status, output } = step;
      const pattern = outputPattern(output);
      const endMs = performance.now() + (isAwaited ? AWAITED_MS : 0);
      let ran = await hosts.run(host, command);
      while (!pattern.test(ran.output) && performance.now() < endMs) {
        ran = await hosts.run(host, command);
      }
      assert.match(ran.output, pattern, `host${host}$ ${command}\n${ran.output}`);
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
export async function execute(
  context: TestContext,
  sections: readonly Section[],
  page: Operated = configuration,
): Promise<void> {
  const [, service = ''] = page.service.exec(page.text) ?? [];
  const hosts = await Hosts.make(context, service.split(' '), page.planes);
  context.signal.addEventListener('abort', () => console.log(hosts.journals()));
  const files = filesOf(page.text);
  assert.deepEqual([...files.keys()], page.files);
  const { planes } = parse(files.get(page.files[0] ?? '') ?? '') as { planes: object };
  for (const [name, cidr] of Object.entries(planes)) assert.equal(cidr, hosts.lab.cidrs[name]);
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
