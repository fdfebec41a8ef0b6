/** `backplane nodes`: the links of a running node. */
import type { Command } from 'commander';
import type { NodesAnswer } from '../observe/control.js';
import { askControl } from '../observe/control-client.js';
import { addControlOptions, type ControlCommandOptions, controlPath } from './control-options.js';
import { type Cell, table } from './table.js';

/** What a person reads. */
export function nodesText({ self, nodes, traffic, alarms }: NodesAnswer): string {
  const rows = nodes.map((view): Cell[] => {
    const counts = traffic.find(({ name }) => name === view.name);
    return [
      view.name,
      view.incarnation,
      `${view.dialledBy === 'us' ? 'out' : 'in'} ${view.linkNumber}`,
      view.stalled ? 'stalled' : 'up',
      view.redundant ? 'yes' : 'NO',
      counts?.sentMessages ?? 0,
      counts?.receivedMessages ?? 0,
      counts?.queuedBytes ?? 0,
    ];
  });
  const header = ['node', 'incarnation', 'link', 'state', 'redundant', 'sent', 'received', 'queue'];
  const links = rows.length === 0 ? 'no links\n' : table(header, rows);
  const found = alarms.map(({ severity, code, object, plane, since, text }): Cell[] => [
    severity,
    code,
    object,
    plane,
    since,
    text,
  ]);
  const alarmHeader = ['alarm', 'code', 'object', 'plane', 'since', 'text'];
  const wrong = found.length === 0 ? '' : `\n${table(alarmHeader, found)}`;
  return `${self.name}, ${self.state}\n\n${links}${wrong}`;
}

async function nodes(options: ControlCommandOptions): Promise<void> {
  const answer = (await askControl(await controlPath(options), '/nodes')) as NodesAnswer;
  if (options.json === true) {
    console.log(JSON.stringify({ command: 'nodes', ok: true, violations: [], ...answer }));
  } else {
    process.stdout.write(nodesText(answer));
  }
}

/** Adds the command to the program. */
export function addNodes(program: Command): void {
  const command = program
    .command('nodes')
    .description('show the links of a running node, and its alarms');
  addControlOptions(command).action(nodes);
}
