/**
 * `bench config`: masters and slaves of a configuration on hosts of the lab, against etcd on the
 * same hosts: the stores of masters and of members of etcd are on the same disk.
 *
 * A guest has a disk of its own for that, a file of the host that is written with O_SYNC, in a
 * process beside the guest's kernel: nothing but who flushes waits for the host's disk.
 */
import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { finish, progress, table } from '../src/cli/report.js';
import { createLab, enterLab, guestDisk, type Lab, labHere } from '../src/lab/index.js';
import { packageRoot } from '../src/sctp/load-addon.js';
import { makeDisk } from '../test/crash/guest-disk.js';
import { memoryFileSystem } from '../test/crash/real-disk.js';
import { type Case, caseTable, compare, median, missed } from './compare.js';
import { HOSTS, OurSide, type Running, startEtcd, WATCHERS } from './config-sides.js';
import { VALUE_BYTES } from './config-work.js';

/** What `bench config` takes. */
export interface ConfigBenchOptions {
  readonly json: boolean;
  readonly pairs: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly only: string;
  readonly folder: string;
}

type Times = Pick<ConfigBenchOptions, 'warmupMs' | 'measureMs'>;

/** What both sides of a run told, in the order of the figures of its comparison. */
type Figures = readonly number[];

interface Figure {
  readonly of: string;
  readonly unit: string;
  readonly required: number;
  readonly better: 'greater' | 'smaller';
}

interface Comparison {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** Masters of ours, and members of etcd. */
  readonly masters: number;
  readonly members: number;
  readonly isWatched: boolean;
  measure(side: Running, times: Times): Promise<Figures>;
}

/** A case, and which of the figures of its comparison it is. */
type ConfigCase = Case & { readonly of: string };

/**
 * The first writes, close together, are not measured: the engines of both sides still compile. What
 * a measured one leads to is over before the next: later acknowledgements, and timers of both.
 */
const VISIBLE_WARM_UP = { pauseMs: 10, count: 1000 } as const;
const VISIBLE = { pauseMs: 100, count: 300 } as const;
/** Writers at once. */
const CONCURRENT = 64;
/** The first writes find code that no engine has compiled yet; how that is stands beside. */
const CROWD = { watches: 1000, warmUp: 100, writes: 200, pauseMs: 20, mostMs: 100 } as const;
const KEYS = 100_000;
const FLUSHES = 200;
const PAGE_BYTES = 4096;
/** Of a guest; what is stored of one run is removed before the next. */
const DISK_MIB = 4096;
/** For all processes of a side together. */
const MEMORY_MIB = 6144;

const round = (figure: number): number => Math.round(figure * 1000) / 1000;

function comparisons(): Comparison[] {
  const rate = (of: string, required: number): Figure => {
    return { of, unit: 'commits/s', required, better: 'greater' };
  };
  const time = (of: string): Figure => ({ of, unit: 'ms', required: 1, better: 'smaller' });
  const rates = (required: number) => {
    return [rate('one by one', required), rate(`${CONCURRENT} at once`, required)];
  };
  return [
    {
      name: 'visible vs etcd watch',
      figures: [time('p50'), time('p99')],
      ...{ masters: 2, members: 3, isWatched: true, measure: visible },
    },
    {
      name: 'durable commits vs three-member etcd',
      figures: rates(1),
      ...{ masters: 3, members: 3, isWatched: false, measure: durable },
    },
    {
      name: 'durable commits vs one-member etcd',
      figures: rates(0),
      ...{ masters: 1, members: 1, isWatched: false, measure: durable },
    },
  ];
}

/** Commits a second, of one writer and of many. */
async function durable({ writer }: Running, { warmupMs, measureMs }: Times): Promise<Figures> {
  const write = (writers: number) => writer.ask({ do: 'write', writers, warmupMs, measureMs });
  const one = await write(1);
  return [one.perSecond!, (await write(CONCURRENT)).perSecond!];
}

/** From a write's beginning to each client that watches, over all of both. */
async function visible({ writer, watchers }: Running): Promise<Figures> {
  await Promise.all(watchers.map((end) => end.ask({ do: 'watch' })));
  await writer.ask({ do: 'pace', ...VISIBLE_WARM_UP, isMeasured: false });
  progress(`${VISIBLE_WARM_UP.count} writes are durable, which warm up`);
  await writer.ask({ do: 'pace', ...VISIBLE, isMeasured: true });
  const told = await Promise.all(
    watchers.map((end) => end.ask({ do: 'latencies', writes: VISIBLE.count })),
  );
  const timesMs = told.flatMap(({ latenciesMs }) => latenciesMs!).sort((a, b) => a - b);
  return [0.5, 0.99].map((share) => timesMs[Math.ceil(share * timesMs.length) - 1]!);
}

/** What has no opponent. */
const ALONE = ['watchers', 'keys'] as const;

/** Names of all cases, and of the figures that have no opponent. */
export const configCases: readonly string[] = [...comparisons().map(({ name }) => name), ...ALONE];

/** Installs etcd where it is missing and that is possible. @throws SetupError */
async function ensureEtcd(): Promise<void> {
  // Plain JavaScript outside of dist, without types.
  const path = join(packageRoot(), 'scripts', 'lib', 'system-packages.mjs');
  const { installPackages, missingPackages } = await import(pathToFileURL(path).href);
  await installPackages(missingPackages({ lab: false, etcd: true }));
}

/** How long a page and its flush take here, the median. */
function flushMs(folder: string): number {
  const page = Buffer.alloc(PAGE_BYTES, 1);
  const file = join(folder, 'flushes');
  const descriptor = openSync(file, 'w');
  const timesMs = Array.from({ length: FLUSHES }, (_, i) => {
    const fromMs = performance.now();
    writeSync(descriptor, page, 0, PAGE_BYTES, (i % 16) * PAGE_BYTES);
    fdatasyncSync(descriptor);
    return performance.now() - fromMs;
  });
  closeSync(descriptor);
  rmSync(file);
  return round(median(timesMs));
}

/** Runs the benchmark, in a guest where the host has no SCTP, and prints the report. */
export async function benchConfig(options: ConfigBenchOptions): Promise<void> {
  const folder = resolve(options.folder);
  await ensureEtcd();
  mkdirSync(folder, { recursive: true });
  const memory = memoryFileSystem(folder);
  if (memory !== null) {
    const what = `${folder} is on ${memory}, which is no disk: give another --folder`;
    finish({ command: 'bench', violations: [what] }, options);
    return;
  }
  await enter(folder);
  const lab = await createLab({ hosts: HOSTS, planes: ['a'] });
  try {
    await run(lab, folder, options);
  } finally {
    await lab.close();
  }
}

/** Goes on in the lab: in a guest, with a disk of its own for the folder. */
async function enter(folder: string): Promise<void> {
  if (labHere() !== null) return;
  const disk = join(folder, 'disk');
  makeDisk(disk, DISK_MIB);
  process.on('exit', () => rmSync(disk));
  const argv = [...process.argv.slice(1), '--folder', guestDisk];
  await enterLab({ argv, disk, processors: 'any', memoryMiB: MEMORY_MIB });
}

async function run(lab: Lab, folder: string, options: ConfigBenchOptions): Promise<void> {
  const diskFlushMs = flushMs(folder);
  progress(`a page and its flush take ${diskFlushMs} ms in ${folder}`);
  const cases: ConfigCase[] = [];
  for (const comparison of comparisons()) {
    if (!comparison.name.includes(options.only)) continue;
    cases.push(...(await runPairs(lab, folder, comparison, options)));
  }
  const violations = missed(cases.map(named));
  const alone = await figuresAlone(lab, folder, options.only, violations);
  const { pairs, warmupMs, measureMs } = options;
  const figures = { cases, ...medians(cases), ...alone, flushMs: diskFlushMs };
  finish(
    { command: 'bench', violations, ...figures, pairs, warmupMs, measureMs },
    { json: options.json, text: () => textOf(cases, { ...medians(cases), ...alone }) },
  );
}

const named = (entry: ConfigCase): Case => ({ ...entry, name: `${entry.name}, ${entry.of}` });

async function runPairs(
  lab: Lab,
  folder: string,
  comparison: Comparison,
  { pairs, ...times }: Times & { readonly pairs: number },
): Promise<ConfigCase[]> {
  const { name, figures, masters, members: servers, isWatched } = comparison;
  const measured = async (start: Promise<Running>): Promise<Figures> => {
    const side = await start;
    try {
      return (await comparison.measure(side, times)).map(round);
    } finally {
      await side.close();
    }
  };
  const [ours, theirs]: [Figures[], Figures[]] = [[], []];
  for (let pair = 1; pair <= pairs; pair += 1) {
    ours.push(await measured(new OurSide(lab, folder, masters).start(isWatched)));
    theirs.push(await measured(startEtcd(lab, folder, { servers, isWatched })));
    const told = figures.map(({ of, unit }, i) => {
      return `${of} ${ours.at(-1)![i]} to ${theirs.at(-1)![i]} ${unit}`;
    });
    progress(`${name}, pair ${pair}: ${told.join(', ')}`);
  }
  return figures.map(({ of, ...figure }, i) => {
    const settings = { name, size: VALUE_BYTES, ...figure };
    const [own, other] = [ours.map((run) => run[i]!), theirs.map((run) => run[i]!)];
    return { ...compare(settings, own, other), of };
  });
}

/** Figures of ours that stand in cases, by their own names. */
function medians(cases: readonly ConfigCase[]): Record<string, unknown> {
  const [p50, p99] = cases.filter(({ unit }) => unit === 'ms');
  const [one, many] = cases.filter(({ name }) => name.includes('three-member'));
  return {
    ...(p50 === undefined || p99 === undefined
      ? {}
      : { [`visibleOn${WATCHERS}`]: { p50Ms: median(p50.ours), p99Ms: median(p99.ours) } }),
    ...(one === undefined || many === undefined
      ? {}
      : { durable: { onePerSecond: median(one.ours), atOncePerSecond: median(many.ours) } }),
  };
}

async function figuresAlone(
  lab: Lab,
  folder: string,
  only: string,
  violations: string[],
): Promise<Record<string, unknown>> {
  const wanted = ALONE.filter((name) => name.includes(only));
  if (wanted.length === 0) return {};
  const side = new OurSide(lab, folder, 2);
  const running = await side.start(false);
  try {
    const figures: Record<string, unknown> = {};
    if (wanted.includes('watchers')) {
      figures['watchers'] = await crowd(side, running, violations);
    }
    if (wanted.includes('keys')) figures['keys'] = await manyKeys(side, running, violations);
    return figures;
  } finally {
    await running.close();
  }
}

async function crowd(side: OurSide, { writer }: Running, violations: string[]): Promise<object> {
  const { watches, warmUp, writes, pauseMs, mostMs } = CROWD;
  const slave = side.slave(HOSTS - 1, ['crowd']);
  await slave.answer();
  await slave.ask({ do: 'readable' });
  await slave.ask({ do: 'crowd', watches });
  const behind = async (count: number) => {
    await writer.ask({ do: 'pace', pauseMs, count, isMeasured: false });
    const { mostBehindMs } = await slave.ask({ do: 'behind', revisions: count });
    return round(mostBehindMs!);
  };
  const coldMs = await behind(warmUp);
  const mostBehindMs = await behind(writes);
  slave.end();
  const figures = { count: watches, revisions: writes, mostBehindMs, coldMostBehindMs: coldMs };
  progress(`${watches} watches: at most ${mostBehindMs} ms behind, at first ${coldMs} ms`);
  if (mostBehindMs > mostMs) {
    violations.push(`a watch was ${mostBehindMs} ms behind, ${mostMs} allowed`);
  }
  return figures;
}

async function manyKeys(side: OurSide, { writer }: Running, violations: string[]) {
  const { seen } = await writer.ask({ do: 'fill', keys: KEYS });
  const slave = side.slave(HOSTS, ['full']);
  await slave.answer();
  const { readableMs, residentBytes, keys } = await slave.ask({ do: 'readable', seen: seen! });
  if (keys! < KEYS) violations.push(`a new slave has ${keys} of ${KEYS} keys`);
  const figures = { count: keys, snapshotMs: round(readableMs!), residentBytes };
  progress(`${keys} keys at a new slave: ${figures.snapshotMs} ms, ${residentBytes} bytes`);
  return figures;
}

function textOf(cases: readonly ConfigCase[], figures: Record<string, unknown>): string {
  const rows = Object.entries(figures).flatMap(([name, fields]) => {
    return Object.entries(fields as object).map(([field, value]) => [`${name} ${field}`, value]);
  });
  return `${caseTable(cases.map(named))}\n${table(['figure', ''], rows)}`;
}
