/** The whole cluster on one screen, as wide as the terminal is. */
import type {
  ClusterAlarm,
  ClusterHost,
  ClusterStatus,
  ClusterWorker,
} from '../controller/cluster-status.js';
import type { LinkStatus } from '../controller/host-status.js';
import { hostOfController } from '../controller/names.js';
import { type Colour, coloured, type Fit, type FitCell, fitTable, wrap } from './fit-table.js';

/** Of links and alarms, so many are shown in a line of their own. */
const SHOWN = 12;

const conditionColours: Readonly<Record<ClusterStatus['condition'], Colour>> = {
  starting: 'yellow',
  up: 'green',
  degraded: 'yellow',
  down: 'red',
};

const planeColours: Readonly<Record<string, Colour>> = {
  up: 'green',
  gray: 'yellow',
  partly: 'red',
  down: 'red',
  unused: 'dim',
};

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** How long ago, in one unit. */
export function ago(since: string, at: string): string {
  const seconds = Math.max(0, Math.floor((Date.parse(at) - Date.parse(since)) / 1000));
  const [name, size] = UNITS.find(([, each]) => seconds >= each) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${name}`;
}

/** What a person reads, line by line. None is longer than the terminal is wide. */
export function statusLines(status: ClusterStatus, fit: Fit): string[] {
  const parts = [
    headLines(status, fit),
    hostLines(status, fit),
    planeLines(status, fit),
    linkLines(status, fit),
    workerLines(status.workers, fit),
    alarmLines(status.alarms, fit),
  ];
  return parts
    .filter(({ length }) => length > 0)
    .flatMap((part, i) => (i > 0 ? ['', ...part] : part));
}

function headLines(status: ClusterStatus, fit: Fit): string[] {
  const { condition, since, at, by, why, epoch, lineage, revision } = status;
  const word = condition.toUpperCase();
  const [first = '', ...more] = wrap(
    `${word} for ${ago(since, at)}, since ${since.slice(0, 19)}Z, as seen from ${by}`,
    fit.columns,
  );
  const colour = conditionColours[condition];
  const lines = [coloured(word, colour, fit) + first.slice(word.length), ...more];
  lines.push(...wrap(why, fit.columns));
  if (epoch === null) return lines;
  const read = revision === null ? 'nothing can be read yet' : `revision ${revision}`;
  return [...lines, ...wrap(`epoch ${epoch} of lineage ${lineage}, ${read}`, fit.columns)];
}

function hostLines({ hosts, at }: ClusterStatus, fit: Fit): string[] {
  const rows = hosts.map(({ host, isReached, since, status }): FitCell[] => {
    if (status === null) {
      return [host, '', { text: 'NOT REACHED', colour: 'red' }, ago(since, at)];
    }
    const { role, condition, isDrained, links, workers, alarms, version, revision } = status;
    const state: FitCell = isDrained
      ? { text: `${condition}, drained`, colour: 'yellow' }
      : { text: condition, colour: conditionColours[condition] ?? 'yellow' };
    const count: FitCell =
      alarms.length === 0 ? '0' : { text: String(alarms.length), colour: 'red' };
    const revisionText = revision === null ? '' : String(revision);
    const upFor = isReached ? ago(status.since, at) : '';
    const counts = [String(links.length), String(workers.length), count];
    return [host, role, state, upFor, revisionText, ...counts, version];
  });
  const counted = ['links', 'workers', 'alarms'];
  const header = ['host', 'role', 'sees', 'for', 'revision', ...counted, 'version'];
  return fitTable(
    header,
    rows.map((row) => header.map((_, column) => row[column] ?? '')),
    fit,
  );
}

function planeLines({ planes }: ClusterStatus, fit: Fit): string[] {
  const rows = planes.map(({ name, state, faults }): FitCell[] => {
    const shown = faults.slice(0, SHOWN).map(({ from, to, state: how }) => {
      return `${from} to ${shortName(to)}: ${how}`;
    });
    if (faults.length > SHOWN) shown.push(`and ${faults.length - SHOWN} more`);
    const colour = planeColours[state] ?? 'yellow';
    const word = state === 'up' || state === 'unused' ? state : state.toUpperCase();
    return [name, { text: word, colour }, shown.join(', ')];
  });
  return fitTable(['plane', 'state', 'where'], rows, fit);
}

/** A controller is called by its host. */
function shortName(name: string): string {
  return hostOfController(name) ?? name;
}

interface ShownLink {
  readonly text: string;
  readonly paths: string;
  readonly isWhole: boolean;
}

/** A link between two controllers is told by both; it is shown once. */
function shownLinks(hosts: readonly ClusterHost[]): ShownLink[] {
  const told = hosts.flatMap(({ host, status }) => {
    return (status?.links ?? []).map((link) => ({ host, link }));
  });
  const seen = new Set<string>();
  return told.flatMap(({ host, link }) => {
    const peer = shortName(link.name);
    const key = [host, peer].sort().join(' ');
    if (seen.has(key)) return [];
    seen.add(key);
    return [shownLink(host, peer, link)];
  });
}

function shownLink(host: string, peer: string, link: LinkStatus): ShownLink {
  const { isStalled, isRedundant, paths } = link;
  const texts = paths.map(({ plane, state, isPrimary, rttMs, gray }) => {
    const how = gray.length > 0 ? gray.join(' and ') : state;
    return `${plane} ${how}${isPrimary ? ' *' : ''} ${rttMs} ms`;
  });
  const isGray = paths.some(({ gray }) => gray.length > 0);
  return {
    text: `${host} - ${peer}`,
    paths: `${isStalled ? 'STALLED: ' : ''}${texts.join(', ')}`,
    isWhole: isRedundant && !isStalled && !isGray,
  };
}

function linkLines({ hosts }: ClusterStatus, fit: Fit): string[] {
  const all = shownLinks(hosts);
  // What is wrong is shown before all else.
  const broken = all.filter(({ isWhole }) => !isWhole);
  const whole = all.filter(({ isWhole }) => isWhole);
  const shown = [...broken, ...whole].slice(0, SHOWN);
  if (shown.length === 0) return [];
  const rows = shown.map(({ text, paths, isWhole }): FitCell[] => {
    return [text, { text: paths, colour: isWhole ? 'green' : 'red' }];
  });
  const lines = fitTable(['link', 'paths (* carries the traffic)'], rows, fit);
  const rest = all.length - shown.length;
  if (rest === 0) return lines;
  const restBroken = Math.max(0, broken.length - SHOWN);
  const how = restBroken === 0 ? 'with all paths' : `${restBroken} of them with paths missing`;
  return [...lines, ...wrap(`and ${rest} more links, ${how}`, fit.columns)];
}

/** Of workers, what is not as it should be is shown before all else. */
export function workerLines(
  workers: readonly ClusterWorker[],
  fit: Fit,
  most: number = SHOWN,
): string[] {
  if (workers.length === 0) return [];
  const isWell = ({ state }: ClusterWorker) => state === 'ready' || state === 'finished';
  const sorted = [...workers.filter((each) => !isWell(each)), ...workers.filter(isWell)];
  const rows = sorted.slice(0, most).map((worker): FitCell[] => {
    const { host, name, state, pid, restarts, text, ending, isHeld } = worker;
    const colour: Colour = isWell(worker) ? 'green' : state === 'given-up' ? 'red' : 'yellow';
    const word = isHeld ? `${state} (by hand)` : state;
    const ended = ending === null || isWell(worker) ? '' : `has ended ${ending}`;
    const said = [text, ended].filter((each) => each !== '').join('; ');
    const number = pid === null ? '' : String(pid);
    return [name, host, { text: word, colour }, number, String(restarts), said];
  });
  const lines = fitTable(['worker', 'host', 'state', 'pid', 'restarts', ''], rows, fit);
  const rest = sorted.slice(most);
  if (rest.length === 0) return lines;
  const bad = rest.filter((each) => !isWell(each)).length;
  const how = bad === 0 ? 'all as they should be' : `${bad} of them not as they should be`;
  return [
    ...lines,
    ...wrap(`and ${rest.length} more, ${how}: backplane workers list`, fit.columns),
  ];
}

/** Alarms of all hosts, the worst first. */
export function alarmLines(
  alarms: readonly ClusterAlarm[],
  fit: Fit,
  most: number = SHOWN,
): string[] {
  if (alarms.length === 0) return [];
  const rows = alarms.slice(0, most).map((alarm): FitCell[] => {
    const { severity, code, host, object, plane, text, since } = alarm;
    const colour: Colour = severity === 'critical' || severity === 'major' ? 'red' : 'yellow';
    const about = plane === null ? object : `${object}, plane ${plane}`;
    return [{ text: severity, colour }, code, host, about, `${text}, since ${since.slice(0, 19)}Z`];
  });
  const lines = fitTable(['alarm', 'code', 'at', 'about', 'text'], rows, fit);
  const rest = alarms.length - rows.length;
  return rest === 0 ? lines : [...lines, `and ${rest} more: backplane alarms`];
}
