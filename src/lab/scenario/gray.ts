/**
 * Gray planes: up, but slow or lossy. The plane that carries the traffic of a link is impaired,
 * both ways; who notices, when, and what becomes of the calls.
 */
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SteeringMode } from '../../index.js';
import type { Impairment } from '../network/faults.js';
import { createLab, type Lab } from '../network/lab.js';
import { readRecording } from '../recording/read.js';
import type { Recording } from '../recording/recorder.js';
import { callTimes, p99Ms } from './call-times.js';
import { RECEIVER } from './ends.js';
import { type NodeEvent, type Role, recordingFile, repliesFile } from './protocol.js';
import { TrafficSession } from './session.js';
import type { Verdict } from './verdict.js';

/** One way to impair the plane that carries the traffic. */
export interface GrayCase {
  readonly name: string;
  /** Holds in both directions: a delay adds to a round trip twice. */
  readonly impairment: Impairment;
  readonly steering: SteeringMode;
  /** How long the plane stays so. */
  readonly holdMs: number;
}

/** Both ends must have noticed by then, with profile lan. */
export const NOTICE_LIMIT_MS = 3000;
/** Calls of a steered link may take so many times as long as before. */
export const SLOWER_LIMIT = 2;
/** How often either end may move its primary in a minute. */
export const MOVES_LIMIT = 3;

const GRAY_PLANE = 'a';
const MESSAGES_PER_SECOND = 500;
const BODY_BYTES = 64;
const REPLY_EVERY = 5;
/** What was under way on the gray plane when the second end left it comes in within this time. */
const UNDER_WAY_MS = 1000;
const SETTLE_MS = 5000;
const SHORT_MS = 8000;

/** What the command runs: every impairment for long with steering, some for a moment without. */
export function planGray(holdMs: number): GrayCase[] {
  const steered = (name: string, impairment: Impairment): GrayCase => {
    return { name, impairment, steering: 'gray', holdMs };
  };
  const left = (name: string, impairment: Impairment): GrayCase => {
    return { name, impairment, steering: 'off', holdMs: Math.min(holdMs, SHORT_MS) };
  };
  return [
    steered('5 % loss', { lossShare: 0.05 }),
    steered('30 % loss', { lossShare: 0.3 }),
    steered('+100 ms', { delayMs: 100 }),
    left('5 % loss', { lossShare: 0.05 }),
    left('+50 ms', { delayMs: 50 }),
  ];
}

export interface GrayOptions {
  readonly cases: readonly GrayCase[];
  /** How long traffic runs over a healthy plane first. */
  readonly healthyMs: number;
  /** Folder for the recordings; each case has one within. */
  readonly folder: string;
  /** Called when a case is over. */
  progress(line: string): void;
}

/** What one end saw, in milliseconds since the plane was impaired; null: never. */
export interface GrayEnd {
  readonly noticedMs: number | null;
  readonly reasons: readonly string[];
  readonly steeredMs: number | null;
  /** How often it moved its primary. */
  readonly moves: number;
}

export interface GrayResult extends Verdict {
  readonly name: string;
  readonly steering: SteeringMode;
  readonly sender: GrayEnd;
  readonly receiver: GrayEnd;
  /** Calls before, on the gray plane, and after both ends had left it. */
  readonly healthyP99Ms: number | null;
  readonly grayP99Ms: number | null;
  readonly steeredP99Ms: number | null;
}

/** One event of one end. */
interface Seen {
  readonly side: Role;
  readonly atMs: number;
  readonly event: Extract<NodeEvent, { kind: 'path' }>;
}

function endOf(side: Role, seen: readonly Seen[], impairedMs: number): GrayEnd {
  const own = seen.filter((each) => each.side === side && each.atMs >= impairedMs);
  const first = (change: string, onGray: boolean) =>
    own.find(({ event }) => event.change === change && (event.plane === GRAY_PLANE) === onGray);
  const noticed = first('gray', true);
  const steered = first('made-primary', false);
  const since = (each: Seen | undefined) => (each === undefined ? null : each.atMs - impairedMs);
  return {
    noticedMs: since(noticed),
    reasons: noticed?.event.reasons ?? [],
    steeredMs: since(steered),
    moves: own.filter(({ event }) => event.change === 'made-primary').length,
  };
}

interface Phases {
  readonly startMs: number;
  readonly impairedMs: number;
  readonly endMs: number;
}

async function callFigures(folder: string, phases: Phases, ends: readonly GrayEnd[]) {
  const read = (file: string): Promise<Recording> => readRecording(path.join(folder, file));
  const sent = await read(recordingFile('link', 'sender'));
  const calls = callTimes(sent, await read(repliesFile));
  const { startMs, impairedMs, endMs } = phases;
  const steered = ends.map(({ steeredMs }) => steeredMs ?? Number.POSITIVE_INFINITY);
  const leftMs = impairedMs + Math.max(...steered);
  return {
    healthyP99Ms: p99Ms(calls, startMs, impairedMs),
    grayP99Ms: p99Ms(calls, impairedMs, Math.min(leftMs, endMs)),
    steeredP99Ms: p99Ms(calls, leftMs + UNDER_WAY_MS, endMs),
  };
}

async function runCase(lab: Lab, gray: GrayCase, options: GrayOptions): Promise<GrayResult> {
  const { healthyMs } = options;
  const { name, impairment, steering, holdMs } = gray;
  const folder = path.join(options.folder, `${name} ${steering}`.replaceAll(/\W+/g, '-'));
  const seen: Seen[] = [];
  const session = await TrafficSession.start({
    lab,
    folder,
    profile: 'lan',
    tcp: false,
    maxMessages: Math.ceil(((healthyMs + holdMs + 60_000) * MESSAGES_PER_SECOND) / 1000),
    node: { steering },
    recordsReplies: true,
    onEvent: (side, event, atMs) => {
      if (event.kind === 'path') seen.push({ side, event, atMs });
    },
  });
  const { startMs } = session.begin({
    messagesPerSecond: MESSAGES_PER_SECOND,
    durationMs: Number.MAX_SAFE_INTEGER,
    bodyBytes: BODY_BYTES,
    replyEvery: REPLY_EVERY,
  });
  await sleep(healthyMs);
  const impairedMs = nowMs();
  lab.impair(GRAY_PLANE, RECEIVER, impairment);
  await sleep(holdMs);
  const endMs = nowMs();
  lab.impair(GRAY_PLANE, RECEIVER, null);
  session.stop();
  await session.settle(0, SETTLE_MS);
  const { sctp, replies, reconnects, nodedown } = await session.finish();
  const inTime = seen.filter(({ atMs }) => atMs <= endMs);
  const sender = endOf('sender', inTime, impairedMs);
  const receiver = endOf('receiver', inTime, impairedMs);
  const times = await callFigures(folder, { startMs, impairedMs, endMs }, [sender, receiver]);
  return { name, steering, sender, receiver, ...times, sctp, replies, reconnects, nodedown };
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Runs the cases one after the other, each with two nodes and a lab of its own.
 * @throws LabError ERR_LAB when a node fails to do its part.
 */
export async function runGray(options: GrayOptions): Promise<GrayResult[]> {
  const results: GrayResult[] = [];
  for (const gray of options.cases) {
    const lab = await createLab({ hosts: 2 });
    try {
      const result = await runCase(lab, gray, options);
      results.push(result);
      const noticed = Math.max(
        ...[result.sender, result.receiver].map((end) => end.noticedMs ?? -1),
      );
      options.progress(
        `${results.length}/${options.cases.length}  ${gray.name}, steering ${gray.steering}: ` +
          (noticed < 0 ? 'not noticed' : `noticed by both after ${noticed.toFixed(0)} ms`),
      );
    } finally {
      await lab.close();
    }
  }
  return results;
}

/** What is promised of one case and does not hold, as sentences. */
export function grayViolations(result: GrayResult): string[] {
  const { name, steering, healthyP99Ms, steeredP99Ms } = result;
  const found: string[] = [];
  for (const side of ['sender', 'receiver'] as const) {
    const { noticedMs, moves, steeredMs } = result[side];
    if (noticedMs === null) found.push(`the ${side} did not notice`);
    else if (noticedMs > NOTICE_LIMIT_MS) {
      found.push(`the ${side} noticed after ${noticedMs.toFixed(0)} ms, not ${NOTICE_LIMIT_MS}`);
    }
    const most = steering === 'off' ? 0 : MOVES_LIMIT;
    if (moves > most) found.push(`the ${side} moved its primary ${moves} times, not ${most}`);
    if (steering === 'gray' && steeredMs === null) found.push(`the ${side} stayed on the plane`);
  }
  if (steering === 'gray') {
    if (healthyP99Ms === null || steeredP99Ms === null) found.push('there were no calls');
    else if (steeredP99Ms > SLOWER_LIMIT * healthyP99Ms) {
      const before = `${SLOWER_LIMIT} x ${healthyP99Ms.toFixed(1)} ms`;
      found.push(`p99 of calls after steering ${steeredP99Ms.toFixed(1)} ms, over ${before}`);
    }
  }
  return found.map((text) => `${name}, steering ${steering}: ${text}`);
}
