/** `backplane tune`: from a wish to every timer, with what they promise. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ProfileError } from '../errors.js';
import { checkProfile } from '../timing/check.js';
import { type Profile, type ProfileName, profiles } from '../timing/profiles.js';
import { firstToAct } from '../timing/reroute.js';
import { type Solution, solve } from '../timing/solve.js';
import { type Surroundings, surroundings, type WishInWords, wishField } from '../timing/wish.js';
import { promisesOf, type WorstCase, worstCase } from '../timing/worst-case.js';
import { type Findings, finish, progress, table } from './report.js';

interface TuneOptions {
  readonly detect?: number;
  readonly rtt?: number;
  readonly loss?: number;
  readonly planes?: number;
  readonly reroute?: number;
  readonly tick?: number;
  readonly profile?: ProfileName;
  readonly json?: boolean;
}

/** What each promise is about; the first four are the promises in short. */
const MEANINGS: readonly (readonly [keyof WorstCase, string])[] = [
  ['busyPathMs', 'one path fails under traffic: noticed, and all goes another way'],
  ['idlePotentiallyFailedMs', 'one path fails without traffic: reported'],
  ['allPathsDeadMs', 'all paths fail: the link is given up, at both ends'],
  ['stalledMs', "the peer's process stops: reported as stalled"],
  ['busyGapMs', 'the first of these where nothing was lost before'],
  ['recoveryMs', 'a failed path heals: reported as active'],
];

const FIRST: Readonly<Record<'sctp' | 'network', string>> = {
  sctp: 'SCTP acts first: it has left a failed path before the network may have healed it.',
  network: 'The network acts first: SCTP leaves a path alone for as long as it may take to heal.',
};

/** What is printed of a set of timers, solved or given. */
interface Shown {
  readonly profile: Profile;
  readonly under: Surroundings;
  readonly worst: WorstCase;
  readonly actsFirst: Solution['actsFirst'];
  readonly violations: readonly string[];
}

function text(shown: Shown): string {
  const { profile, worst, under } = shown;
  const { rttMs, lossRate, planes, rerouteMs, tickMs } = under;
  const given = [
    `${planes} planes`,
    `round trips up to ${rttMs} ms`,
    `losses ${Number((lossRate * 100).toPrecision(6))} %`,
    `kernel tick ${tickMs} ms`,
    ...(rerouteMs === undefined ? [] : [`the network heals itself within ${rerouteMs} ms`]),
  ];
  const first = shown.actsFirst;
  const promises = MEANINGS.map(([figure, meaning]) => [meaning, Math.ceil(worst[figure])]);
  const timers = Object.entries(profile).filter(([field]) => field !== 'name');
  return [
    `Profile ${profile.name}, for both ends of every link.\nGiven: ${given.join(', ')}.\n`,
    ...(first === null ? [] : [`${FIRST[first]}\n`]),
    table(['promised at the worst', 'ms'], promises),
    table(['timer', 'value'], timers),
  ].join('\n');
}

function findings({ profile, under, worst, actsFirst, violations }: Shown): Findings {
  return {
    command: 'tune',
    violations,
    profile: profile.name,
    wish: under,
    actsFirst: actsFirst ?? undefined,
    promised: promisesOf(worst),
    worstCase: worst,
    timers: profile,
  };
}

function show(shown: Shown, isJson: boolean): void {
  for (const violation of shown.violations) progress(`backplane: ${violation}`);
  if (isJson) {
    finish(findings(shown), { json: true });
    return;
  }
  process.stdout.write(text(shown));
  process.exitCode = shown.violations.length === 0 ? 0 : 1;
}

/** A profile of the package, judged under these circumstances. */
function given(name: ProfileName, under: Surroundings): Shown {
  const profile = profiles[name];
  const { rerouteMs } = under;
  const first = rerouteMs === undefined ? 'both' : firstToAct(profile, rerouteMs, under);
  const actsFirst = first === 'both' ? null : first;
  const shown = { profile, under, worst: worstCase(profile, under), actsFirst };
  try {
    checkProfile(profile, under);
    return { ...shown, violations: [] };
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error;
    return { ...shown, violations: [error.message] };
  }
}

function solved(wish: WishInWords): Shown {
  const { profile, worstCase: worst, wish: under, actsFirst } = solve(wish);
  return { profile, under, worst, actsFirst, violations: [] };
}

function tune({ json, profile, detect, ...words }: TuneOptions, command: Command): void {
  if ((detect === undefined) === (profile === undefined)) {
    command.error('error: give either --detect or --profile');
  }
  const isJson = json === true;
  if (detect === undefined) {
    show(given(profile!, surroundings(words)), isJson);
    return;
  }
  try {
    show(solved({ detect, ...words }), isJson);
  } catch (error) {
    // For people the program tells the reason itself.
    if (!isJson || !(error instanceof ProfileError)) throw error;
    const { code, message, constraint, leastDetectMs } = error;
    progress(`backplane: ${code}: ${message}`);
    const wish = { detect, ...words };
    finish(
      { command: 'tune', violations: [message], code, constraint, leastDetectMs, wish },
      { json: true },
    );
  }
}

/** A field of the wish, as the parser of an option. */
function parser(field: keyof WishInWords): (value: string) => number {
  return (value) => {
    try {
      return wishField(field, value);
    } catch (error) {
      if (!(error instanceof ProfileError)) throw error;
      throw new InvalidArgumentError(error.message);
    }
  };
}

/** Adds the command to the program. */
export function addTune(program: Command): void {
  program
    .command('tune')
    .description('from one wish to every timer, with the promised worst cases')
    .option('--detect <time>', "notice a failed path within: '300 ms', 2s", parser('detect'))
    .option('--rtt <time>', 'longest normal round trip (default: 1 ms)', parser('rtt'))
    .option('--loss <part>', "what each plane loses: 0.01, '1 %' (default: 0)", parser('loss'))
    .option('--planes <number>', 'planes between the hosts (default: 2)', parser('planes'))
    .option(
      '--reroute <time>',
      'the network under a plane heals itself within: bonding, RSTP, VRRP, OSPF with BFD',
      parser('reroute'),
    )
    .option('--tick <time>', 'one tick of the kernel (default: 10 ms)', parser('tick'))
    .addOption(
      new Option('--profile <name>', 'show a profile of the package instead').choices(
        Object.keys(profiles),
      ),
    )
    .option('--json', 'print one JSON object as the last line')
    .action((options: TuneOptions, command: Command) => tune(options, command));
}
