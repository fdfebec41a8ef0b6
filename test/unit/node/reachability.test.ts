import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { PartitionChanged } from '../../../src/node/events.js';
import { type ReachReport, readReport, reportBody } from '../../../src/node/reach-report.js';
import { Reachability, type ReachabilityLimits } from '../../../src/node/reachability.js';
import { encodeBody } from '../../../src/wire/payload.js';

const OUTAGE_MS = 1600;
const PATIENCE_MS = OUTAGE_MS + limits.partitionGraceMs;

function machine(name: string, changed: Partial<ReachabilityLimits> = {}): Reachability {
  return new Reachability({ name, outageMs: OUTAGE_MS, limits: { ...limits, ...changed } });
}

/** Machines with perfect links between them, in virtual time. */
class Mesh {
  readonly machines = new Map<string, Reachability>();
  readonly events: [string, PartitionChanged][] = [];
  readonly links = new Set<string>();
  nowMs = 0;
  messages = 0;
  bytes = 0;

  constructor(names: readonly string[], changed: Partial<ReachabilityLimits> = {}) {
    for (const name of names) this.machines.set(name, machine(name, changed));
    for (const one of names) {
      for (const two of names) {
        if (one !== two) this.machines.get(one)!.step(0, { type: 'wanted', name: two });
      }
    }
  }

  /** A link between each two of them that have none. */
  join(): void {
    const names = [...this.machines.keys()];
    for (const one of names) for (const two of names) if (one < two) this.up(one, two);
  }

  up(one: string, two: string): void {
    if (this.links.has(`${one} ${two}`)) return;
    this.links.add(`${one} ${two}`).add(`${two} ${one}`);
    this.machines.get(one)?.step(this.nowMs, { type: 'up', name: two });
    this.machines.get(two)?.step(this.nowMs, { type: 'up', name: one });
  }

  down(one: string, two: string, isLeft = false): void {
    this.links.delete(`${one} ${two}`);
    this.links.delete(`${two} ${one}`);
    this.machines.get(one)?.step(this.nowMs, { type: 'down', name: two, isLeft });
    this.machines.get(two)?.step(this.nowMs, { type: 'down', name: one, isLeft });
  }

  /** Lets time pass, each machine awake when it wants to be. */
  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      const due = [...this.machines.values()].flatMap((each) => each.deadline() ?? []);
      const nextMs = Math.min(...due);
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      for (const [name, each] of this.machines) this.#wake(name, each);
    }
    this.nowMs = endMs;
  }

  #wake(name: string, each: Reachability): void {
    if ((each.deadline() ?? Number.POSITIVE_INFINITY) > this.nowMs) return;
    each.step(this.nowMs, { type: 'tick' });
    for (let output = each.poll(); output !== null; output = each.poll()) {
      if (output.type === 'partition') this.events.push([name, output.event]);
      if (output.type !== 'tell') continue;
      const { report, to } = output;
      this.messages += to.length;
      this.bytes += to.length * encodeBody(reportBody(report)).body.length;
      for (const peer of to) {
        assert.ok(this.links.has(`${name} ${peer}`), `${name} tells ${peer} without a link`);
        this.machines.get(peer)?.step(this.nowMs, { type: 'told', name, report });
      }
    }
  }

  /** What was told, in short. */
  get words(): string[] {
    return this.events.map(
      ([name, { state, pairs }]) => `${name} ${state} ${pairs.map(({ nodes }) => nodes.join())}`,
    );
  }

  matrixOf(name: string): readonly string[] {
    return this.machines.get(name)!.view(this.nowMs).matrix;
  }
}

const names = (count: number) =>
  Array.from({ length: count }, (_, i) => `node@h${String(i + 1).padStart(2, '0')}`);

test('every node knows the whole matrix, and tells nothing while nothing changes', () => {
  const mesh = new Mesh(names(4));
  mesh.join();
  mesh.run(5000);
  for (const name of names(4)) {
    assert.deepEqual(mesh.matrixOf(name), ['=+++', '+=++', '++=+', '+++=']);
  }
  const { messages } = mesh;
  mesh.run(3_600_000);
  assert.equal(mesh.messages, messages);
  assert.deepEqual(mesh.events, []);
  for (const each of mesh.machines.values()) assert.equal(each.deadline(), null);
});

test('nodes that come together one after the other tell each other once', () => {
  const all = names(10);
  const mesh = new Mesh(all);
  for (const one of all) {
    for (const two of all) if (one < two) mesh.up(one, two);
    mesh.run(400);
  }
  mesh.run(60_000);
  for (const name of all) assert.ok(!/[^+=]/.test(mesh.matrixOf(name).join('')));
  assert.equal(mesh.messages, all.length * (all.length - 1));
});

test('two nodes that lose each other while others reach both are told of everywhere', () => {
  const [a, b, c, d] = names(4) as [string, string, string, string];
  const mesh = new Mesh([a, b, c, d]);
  mesh.join();
  mesh.run(5000);
  mesh.down(a, b);
  mesh.run(PATIENCE_MS);
  assert.equal(mesh.events.length, 0, 'not before the outage time and the grace are over');
  mesh.run(limits.reachMostMs);
  assert.deepEqual(
    mesh.words.sort(),
    [a, b, c, d].map((name) => `${name} detected ${a},${b}`),
  );
  const [, event] = mesh.events[0]!;
  assert.deepEqual(event.nodes, [a, b, c, d]);
  assert.deepEqual(event.pairs[0]!.nodes, [a, b]);
  assert.ok([c, d].includes(event.pairs[0]!.via));
  assert.ok(event.pairs[0]!.lastedMs >= PATIENCE_MS);
  // a and b do not hear each other.
  assert.deepEqual(mesh.matrixOf(a), ['=-++', '?=??', '++=+', '+++=']);
  assert.deepEqual(mesh.matrixOf(c), ['=-++', '-=++', '++=+', '+++=']);
  assert.equal(mesh.links.size, 10, 'nobody is disconnected because of it');

  mesh.down(a, c);
  mesh.run(2 * PATIENCE_MS);
  assert.ok(mesh.words.includes(`${d} changed ${a},${b},${a},${c}`));
  mesh.up(a, b);
  mesh.up(a, c);
  mesh.run(PATIENCE_MS);
  const cleared = mesh.words.filter((line) => line.includes('cleared'));
  assert.deepEqual(
    [...new Set(cleared)].sort(),
    [a, b, c, d].map((name) => `${name} cleared `),
  );
});

test('a link that is back in time, a dead node and a clean split are no news', () => {
  const [a, b, c, d] = names(4) as [string, string, string, string];
  const mesh = new Mesh([a, b, c, d]);
  mesh.join();
  mesh.run(5000);
  mesh.down(a, b);
  mesh.run(PATIENCE_MS - limits.reachMostMs);
  mesh.up(a, b);
  mesh.run(2 * PATIENCE_MS);
  // d dies: one after the other notices, the last one after the outage time.
  mesh.down(a, d);
  mesh.run(OUTAGE_MS / 2);
  mesh.down(b, d);
  mesh.run(OUTAGE_MS / 2);
  mesh.down(c, d);
  mesh.run(2 * PATIENCE_MS);
  assert.deepEqual(mesh.matrixOf(a), ['=++-', '+=+-', '++=-', '???=']);
  mesh.down(a, c);
  mesh.down(b, c);
  mesh.run(2 * PATIENCE_MS);
  assert.deepEqual(mesh.events, []);
});

test('nodes that want no link with each other are no pair', () => {
  const [hub, one, two] = ['hub@h', 'one@h', 'two@h'] as const;
  const mesh = new Mesh([]);
  for (const name of [hub, one, two]) mesh.machines.set(name, machine(name));
  for (const name of [one, two]) {
    mesh.machines.get(name)!.step(0, { type: 'wanted', name: hub });
    mesh.up(hub, name);
  }
  mesh.run(2 * PATIENCE_MS);
  assert.deepEqual(mesh.matrixOf(hub), ['=++', '+=.', '+.=']);
  assert.deepEqual(mesh.events, []);
});

test('who leaves is not missed, unless he is wanted; nor is one that is disconnected', () => {
  const mesh = new Mesh([]);
  const [a, b, c] = ['a@h', 'b@h', 'c@h'] as const;
  for (const name of [a, b, c]) mesh.machines.set(name, machine(name));
  mesh.join();
  mesh.run(5000);
  mesh.down(a, b, true);
  mesh.run(5000);
  assert.deepEqual(mesh.matrixOf(c), ['=.+', '.=+', '++=']);
  mesh.up(a, b);
  mesh.machines.get(a)!.step(mesh.nowMs, { type: 'leaving', name: b });
  mesh.machines.get(b)!.step(mesh.nowMs, { type: 'wanted', name: a });
  mesh.down(a, b);
  mesh.run(5000);
  assert.deepEqual(mesh.matrixOf(c), ['=.+', '-=+', '++=']);
  mesh.machines.get(b)!.step(mesh.nowMs, { type: 'unwanted', name: a });
  mesh.run(5000);
  assert.deepEqual(mesh.matrixOf(c), ['=.+', '.=+', '++=']);
});

test('a node that came by itself and died is forgotten once nobody reaches it', () => {
  const mesh = new Mesh([]);
  const [a, b, c] = ['a@h', 'b@h', 'c@h'] as const;
  for (const name of [a, b, c]) mesh.machines.set(name, machine(name));
  mesh.join();
  mesh.run(5000);
  mesh.down(a, c);
  mesh.run(2 * PATIENCE_MS);
  assert.deepEqual(
    mesh.words.sort(),
    [a, b, c].map((name) => `${name} detected ${a},${c}`),
  );
  mesh.down(b, c);
  mesh.run(2 * PATIENCE_MS);
  assert.deepEqual(mesh.machines.get(a)!.view(mesh.nowMs).nodes, [a, b]);
  assert.deepEqual(mesh.words.slice(3).sort(), [`${a} cleared `, `${b} cleared `, `${c} cleared `]);
});

test('what could not be sent is told again, as a whole', () => {
  const each = machine('a@h');
  each.step(0, { type: 'up', name: 'b@h' });
  const tell = () => {
    each.step(each.deadline()!, { type: 'tick' });
    const output = each.poll();
    return output?.type === 'tell' ? output.report : null;
  };
  const all: ReachReport = { full: true, reached: ['b@h'], missed: [], gone: [] };
  assert.deepEqual(tell(), all);
  each.step(1000, { type: 'unsent', name: 'b@h' });
  each.step(1000, { type: 'unsent', name: 'nobody@h' });
  assert.deepEqual(tell(), all);
  each.step(5000, { type: 'wanted', name: 'c@h' });
  assert.deepEqual(tell(), { full: false, reached: [], missed: ['c@h'], gone: [] });
  // Lost and found again within one round: nothing to tell.
  each.step(9000, { type: 'unwanted', name: 'c@h' });
  each.step(9000, { type: 'wanted', name: 'c@h' });
  assert.equal(tell(), null);
  each.step(9900, { type: 'unwanted', name: 'c@h' });
  assert.deepEqual(tell(), { full: false, reached: [], missed: [], gone: ['c@h'] });
});

test('64 nodes: one report to each peer in 6.3 s at most, and nothing when all is well', () => {
  const all = names(64);
  const mesh = new Mesh(all);
  // They join over 20 s, a third of a second apart.
  for (const [i, name] of all.entries()) {
    for (const other of all.slice(0, i)) mesh.up(other, name);
    mesh.run(312);
  }
  mesh.run(10_000);
  const { messages, bytes } = mesh;
  assert.deepEqual(mesh.events, []);
  assert.equal(mesh.matrixOf(all[5]!)[0], `=${'+'.repeat(63)}`);
  // 30 s of 64 nodes that say 10 messages a second each at most.
  assert.ok(messages < 64 * 10 * 30, `${messages} messages`);
  assert.ok(bytes / 64 < 150_000, `${Math.round(bytes / 64)} bytes of each node`);
  mesh.run(600_000);
  assert.equal(mesh.messages, messages);

  // One node dies: each of the others tells each once.
  for (const name of all.slice(1)) mesh.down(all[0]!, name);
  mesh.machines.delete(all[0]!);
  mesh.run(60_000);
  assert.equal(mesh.messages - messages, 63 * 62);
  assert.ok((mesh.bytes - bytes) / (63 * 62) < 20);
  assert.deepEqual(mesh.events, []);
});

test('a peer cannot fill the memory, nor push out what we know ourselves', () => {
  const each = machine('a@h', { reachNames: 8, matrixNodes: 6, partitionPairs: 2 });
  const told = (name: string, report: Partial<ReachReport>) =>
    each.step(0, {
      type: 'told',
      name,
      report: { full: false, reached: [], missed: [], gone: [], ...report },
    });
  const refused = () => {
    for (let output = each.poll(); output !== null; output = each.poll()) {
      if (output.type === 'refuse') return output.name;
    }
    return null;
  };
  told('b@h', { reached: ['x@h'] });
  assert.deepEqual(each.view(0).nodes, ['a@h'], 'there is no link with that one');
  for (const name of ['b@h', 'c@h', 'd@h']) each.step(0, { type: 'up', name });
  const many = (count: number) => Array.from({ length: count }, (_, i) => `many${i}@h`);
  told('b@h', { reached: many(8) });
  assert.equal(refused(), null);
  assert.deepEqual(each.view(0).nodes.slice(0, 4), ['a@h', 'b@h', 'c@h', 'd@h']);
  assert.equal(each.view(0).nodes.length, 6);
  told('b@h', { reached: ['one-more@h'] });
  assert.equal(refused(), 'b@h');
  assert.equal(each.view(0).matrix[1]?.[0], '?', 'its word counts no more');
  // Pairs that one peer makes up, by the help of another.
  told('b@h', { full: true, reached: ['b@h', 'c@h'], missed: many(4) });
  told('c@h', { full: true, reached: many(4) });
  each.step(2000, { type: 'tick' });
  assert.equal(each.view(2000).pairs.length, 2);
  assert.deepEqual(each.view(2000).pairs[0], {
    nodes: ['b@h', 'many0@h'],
    via: 'c@h',
    lastedMs: 0,
  });
});

test('names that come and go without end are bounded', () => {
  const each = machine('a@h', { reachNames: 4 });
  each.step(0, { type: 'up', name: 'b@h' });
  each.step(1000, { type: 'tick' });
  for (let i = 0; i < 100; i += 1) {
    each.step(1000, { type: 'up', name: `n${i}@h` });
    each.step(1000, { type: 'down', name: `n${i}@h`, isLeft: false });
  }
  assert.equal(each.view(1000).nodes.length, 1 + 4);
  each.step(3000, { type: 'tick' });
  const reports: ReachReport[] = [];
  for (let output = each.poll(); output !== null; output = each.poll()) {
    if (output.type === 'tell') reports.push(output.report);
  }
  assert.equal(reports.at(-1)?.full, true);
  assert.equal(reports.at(-1)?.missed.length, 3);
});

test('a report is read back as it was written, and nothing else is one', () => {
  const report = { full: false, reached: ['a@h'], missed: ['b@h'], gone: ['c@h'] };
  assert.deepEqual(readReport(reportBody(report)), report);
  const long = Array.from({ length: limits.reachNames }, (_, i) => `n${i}@h`);
  assert.equal(readReport([true, long, [], []]).reached.length, limits.reachNames);
  const none = [
    null,
    {},
    'text',
    [],
    [true, [], []],
    [true, [], [], [], []],
    [1, [], [], []],
    [true, 'a@h', [], []],
    [true, ['a'], [], []],
    [true, [], [7], []],
    [true, [], [], ['a b@h']],
    [true, [`${'a'.repeat(limits.nodeNameBytes)}@h`], [], []],
    [true, [...long, 'one@more'], [], []],
  ];
  for (const body of none) {
    assert.throws(() => readReport(body), { name: 'ProtocolError', code: 'ERR_PROTOCOL' });
  }
});
