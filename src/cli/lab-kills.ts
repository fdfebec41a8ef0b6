/** `backplane lab kills`. */
import { enterLab } from '../lab/index.js';
import { KILLS_PROFILE, type KillsResult, runKills } from '../lab/scenario/kills.js';
import { finish, progress, table } from './report.js';

export interface KillsCommandOptions {
  readonly count: number;
  readonly json?: boolean;
}

function figures(result: KillsResult) {
  const { sent, deliveredOnce, duplicated, reportedUnsent, reportedUnknown } = result;
  const { unknownButDelivered, reportedExpired, silentlyLost, unsentButDelivered } = result;
  return {
    cycles: result.cycles.length,
    sent,
    deliveredOnce,
    duplicated,
    reportedUnsent,
    reportedUnknown,
    unknownButDelivered,
    reportedExpired,
    silentlyLost,
    unsentButDelivered,
  };
}

/** How the links of each kind of cycle ended: `{ kill: { closed: 3, lost: 37 } }`. */
function endings({ cycles }: KillsResult): Record<string, Record<string, number>> {
  const all: Record<string, Record<string, number>> = {};
  for (const { kind, reason } of cycles) {
    all[kind] ??= {};
    const reasons = all[kind] as Record<string, number>;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return all;
}

function text(result: KillsResult): string {
  const rows = Object.entries(endings(result)).map(([kind, reasons]) => [
    kind,
    Object.values(reasons).reduce((a, b) => a + b, 0),
    Object.entries(reasons)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', '),
  ]);
  return [
    table(['killed by', 'times', 'nodedown at the sender'], rows),
    table(['messages', ''], Object.entries(figures(result))),
  ].join('\n');
}

/** Runs it and reports. */
export async function kills({ count, json }: KillsCommandOptions): Promise<void> {
  await enterLab();
  const startMs = performance.now();
  const result = await runKills({ count, progress });
  finish(
    {
      command: 'lab',
      violations: result.violations,
      scenario: 'kills',
      profile: KILLS_PROFILE,
      ...figures(result),
      endings: endings(result),
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}
