/** `backplane lab`: scenarios with many faults. */
import { type Command, Option } from 'commander';
import { enterLab } from '../lab/index.js';
import { type CutResult, type CutsResult, runCuts } from '../lab/scenario/cuts.js';
import { gapViolations, trafficFigures, trafficViolations } from '../lab/scenario/verdict.js';
import { type ProfileName, profiles } from '../timing/profiles.js';
import { addLabColdStart } from './lab-coldstart.js';
import { addLabDispatch } from './lab-dispatch.js';
import { kills } from './lab-kills.js';
import { liveness } from './lab-liveness.js';
import { mesh } from './lab-mesh.js';
import { addLabOam } from './lab-oam.js';
import { addLabPaths } from './lab-paths.js';
import { addLabSupervision } from './lab-supervision.js';
import { recordingFolder } from './recording-folder.js';
import { finish, progress, table } from './report.js';
import { wholeNumber } from './whole-number.js';

/** With the profile lan, whatever kind of cut it is. */
const GAP_LIMIT_MS = 200;
const COUNT_MAX = 500;
const MESH_NODES_MAX = 128;

interface CutsCommandOptions {
  readonly count: number;
  readonly profile: ProfileName;
  readonly recordings: string;
  readonly json?: boolean;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? 0;
}

function where({ fault, host, direction }: CutResult): string {
  if (fault === 'switch') return 'switch';
  return fault === 'one-way' ? `host ${host}, ${direction}` : `host ${host}`;
}

function text(result: CutsResult, folder: string): string {
  const rows = result.cuts.map((cut, i) => [
    i + 1,
    cut.fault,
    where(cut),
    cut.gap.gapMs.toFixed(1),
    cut.gap.noticeMs.toFixed(1),
    cut.gap.resumeMs.toFixed(1),
  ]);
  const header = ['', 'fault', 'at', 'gap ms', 'until noticed', 'until resumed'];
  const { sent, received, lost, duplicated, reordered } = result.sctp;
  return [
    table(header, rows),
    `sent ${sent}, received ${received}, lost ${lost}, duplicated ${duplicated}, ` +
      `reordered ${reordered}, reconnects ${result.reconnects}, nodedown ${result.nodedown}\n` +
      `recording: ${folder}\n`,
  ].join('\n');
}

async function cuts(options: CutsCommandOptions): Promise<void> {
  const folder = recordingFolder(options.recordings, 'cuts');
  await enterLab({ writable: [folder] });
  const { count, profile } = options;
  const result = await runCuts({ count, profile, folder, progress });
  const gaps = result.cuts.map(({ gap }) => gap.gapMs);
  const gapMaxMs = Math.max(...gaps);
  const limit = profile === 'lan' ? gapViolations('longest gap', gapMaxMs, GAP_LIMIT_MS) : [];
  finish(
    {
      command: 'lab',
      violations: [...trafficViolations(result), ...limit],
      scenario: 'cuts',
      profile,
      count: result.cuts.length,
      ...trafficFigures(result),
      gapP50Ms: median(gaps),
      gapMaxMs,
      cuts: result.cuts.map(({ gap, ...cut }) => ({ ...cut, ...gap })),
      recording: folder,
    },
    { json: options.json === true, text: () => text(result, folder) },
  );
}

/** Adds the command to the program. */
export function addLab(program: Command): void {
  const lab = program.command('lab').description('pull cables in a lab, before you buy switches');
  lab
    .command('cuts')
    .description('cuts of every kind, one after the other, under steady traffic')
    .option('--count <number>', 'how many', wholeNumber(1, COUNT_MAX), 20)
    .addOption(
      new Option('--profile <name>', 'set of timers').choices(Object.keys(profiles)).default('lan'),
    )
    .option('--recordings <folder>', 'where recordings go', 'recordings')
    .option('--json', 'print one JSON object as the last line')
    .action(cuts);
  lab
    .command('kills')
    .description('one association killed in every way, and what became of every message')
    .option('--count <number>', 'how many times', wholeNumber(1, COUNT_MAX), 200)
    .option('--json', 'print one JSON object as the last line')
    .action(kills);
  lab
    .command('liveness')
    .description('nodes that are stalled, killed, cut off, without power or merely busy')
    .option('--trials <number>', 'of each kind', wholeNumber(1, COUNT_MAX), 100)
    .option('--json', 'print one JSON object as the last line')
    .action(liveness);
  lab
    .command('mesh')
    .description('many nodes on 8 hosts, each linked with all others, and a rolling outage')
    .option('--nodes <number>', 'a multiple of 8', wholeNumber(8, MESH_NODES_MAX), 64)
    .option('--json', 'print one JSON object as the last line')
    .action(mesh);
  addLabPaths(lab);
  addLabColdStart(lab);
  addLabSupervision(lab);
  addLabDispatch(lab);
  addLabOam(lab);
}
