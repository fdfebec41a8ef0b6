/** `backplane demo`: the main job, on a lab of its own. */
import { existsSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { type Command, Option } from 'commander';
import { LabError } from '../errors.js';
import { enterLab, type Fault, faults } from '../lab/index.js';
import {
  CUT_PLANE,
  type DemoResult,
  demoGapLimitMs,
  demoViolations,
  runDemo,
} from '../lab/scenario/cut-demo.js';
import { trafficFigures } from '../lab/scenario/verdict.js';
import { type ProfileName, profiles } from '../timing/profiles.js';
import { recordingFolder } from './recording-folder.js';
import { finish, table } from './report.js';

interface DemoCommandOptions {
  readonly fault: Fault;
  readonly profile: ProfileName;
  readonly file?: string;
  readonly recordings: string;
  readonly json?: boolean;
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;

/** Both transports side by side. */
function comparison({ sctp, tcp, reconnects, nodedown }: DemoResult): string {
  const row = (name: string, ours: string | number, theirs: string | number | null) =>
    [name, String(ours), theirs === null ? '-' : String(theirs)] as const;
  return table(
    ['', 'backplane (SCTP, planes a and b)', `TCP (plane ${CUT_PLANE})`],
    [
      row('sent', sctp.sent, tcp.sent),
      row('received', sctp.received, tcp.received),
      row('lost', sctp.lost, tcp.lost),
      row('duplicated', sctp.duplicated, tcp.duplicated),
      row('reordered', sctp.reordered, tcp.reordered),
      row('reconnects', reconnects, null),
      row('nodedown', nodedown, null),
      row('longest silence', ms(sctp.longestGapMs), ms(tcp.longestGapMs)),
      row('latency p50', ms(sctp.latency?.p50Ms ?? 0), ms(tcp.latency?.p50Ms ?? 0)),
      row('latency max', ms(sctp.latency?.maxMs ?? 0), ms(tcp.latency?.maxMs ?? 0)),
    ],
  );
}

/** Where the silence after the cut went. */
function attribution(result: DemoResult): string {
  const { gap, promisedGapMs } = result;
  return table(
    ['the silence after the cut', 'ms'],
    [
      ['last message before the cut', gap.beforeCutMs.toFixed(1)],
      [
        'cut until the sender reports the path (kernel: retransmission timer)',
        gap.noticeMs.toFixed(1),
      ],
      [
        'report until the next message is handled (retransmission, waking up)',
        gap.resumeMs.toFixed(1),
      ],
      ['together', gap.gapMs.toFixed(1)],
      ['promised by the profile for the kernel alone', promisedGapMs.toFixed(1)],
    ],
  );
}

function text(result: DemoResult, folder: string): string {
  const carried =
    result.sha256Match === undefined
      ? ''
      : `file: ${result.fileBytes} bytes carried through the cut, ` +
        `SHA-256 ${result.sha256Match ? 'equal' : 'DIFFERENT'}\n`;
  return [comparison(result), attribution(result), `${carried}recording: ${folder}\n`].join('\n');
}

async function demo(options: DemoCommandOptions): Promise<void> {
  const file = options.file === undefined ? undefined : path.resolve(options.file);
  if (file !== undefined && !(existsSync(file) && statSync(file).isFile())) {
    throw new LabError('ERR_ARGUMENT', `no such file: ${file}`);
  }
  const folder = recordingFolder(options.recordings, `demo-${options.fault}`);
  await enterLab({ writable: [folder] });
  const result = await runDemo({
    fault: options.fault,
    profile: options.profile,
    folder,
    ...(file === undefined ? {} : { file }),
    write: (line) => void process.stderr.write(line),
    redraw: process.env['BACKPLANE_REDRAW'] === '1',
  });
  const { sctp, tcp, gap, promisedGapMs, sha256Match, fileBytes } = result;
  finish(
    {
      command: 'demo',
      violations: demoViolations(result),
      profile: options.profile,
      fault: options.fault,
      ...trafficFigures(result),
      gapLimitMs: demoGapLimitMs(result),
      promisedGapMs,
      gap,
      latency: sctp.latency,
      sha256Match,
      fileBytes,
      tcp: {
        sent: tcp.sent,
        received: tcp.received,
        lost: tcp.lost,
        longestGapMs: tcp.longestGapMs,
      },
      recording: folder,
    },
    { json: options.json === true, text: () => text(result, folder) },
  );
}

/** Adds the command to the program. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('two nodes, two planes, one pulled cable, and TCP beside it')
    .addOption(
      new Option('--fault <kind>', `what happens to plane ${CUT_PLANE} at the receiving host`)
        .choices([...faults])
        .default('link-down'),
    )
    .addOption(
      new Option('--profile <name>', 'set of timers').choices(Object.keys(profiles)).default('lan'),
    )
    .option('--file <path>', 'carry this file through the cut and compare SHA-256')
    .option('--recordings <folder>', 'where recordings go', 'recordings')
    .option('--json', 'print one JSON object as the last line')
    .action(demo);
}
