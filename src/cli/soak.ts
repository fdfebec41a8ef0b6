/** `backplane soak`: a long run over bad planes. */
import type { Command } from 'commander';
import { enterLab } from '../lab/index.js';
import {
  memoryViolations,
  runSoak,
  SOAK_PROFILE,
  type SoakResult,
  soakViolations,
} from '../lab/scenario/soak.js';
import { finish, progress, table } from './report.js';
import { wholeNumber } from './whole-number.js';

const MESSAGES_MAX = 1_000_000_000;

interface SoakCommandOptions {
  readonly messages: number;
  readonly json?: boolean;
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);

function text(result: SoakResult): string {
  const { residentBytesAt20Percent: early, residentBytesAtEnd: end, ...figures } = result;
  return [
    table(['', ''], Object.entries(figures)),
    table(
      ['resident memory', 'MiB at 20 %', 'MiB at the end'],
      (['sender', 'receiver'] as const).map((role) => [
        role,
        mebibytes(early[role]),
        mebibytes(end[role]),
      ]),
    ),
  ].join('\n');
}

async function soak({ messages, json }: SoakCommandOptions): Promise<void> {
  await enterLab();
  const result = await runSoak({ messages, progress });
  const { undelivered: _, ...figures } = result;
  finish(
    {
      command: 'soak',
      violations: [...soakViolations(result), ...memoryViolations(result)],
      profile: SOAK_PROFILE,
      ...figures,
    },
    { json: json === true, text: () => text(result) },
  );
}

/** Adds the command to the program. */
export function addSoak(program: Command): void {
  program
    .command('soak')
    .description('very many messages over planes that lose frames, one of them flapping')
    .option(
      '--messages <number>',
      'how many; memory is judged from 500000 on',
      wholeNumber(1, MESSAGES_MAX),
      1_000_000,
    )
    .option('--json', 'print one JSON object as the last line')
    .action(soak);
}
