/** Requests and answers as they are forwarded: CBOR arrays that begin with their type. */
import type { ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import {
  hexBytes,
  malformed,
  readBoolean,
  readBytes,
  readId,
  readList,
  readName,
  readNumber,
  readText,
} from './fields.js';
import type { Answer, Command, Request, Seen } from './replica-io.js';

/** A request as a value to be sent. */
export function requestBody(request: Request): readonly unknown[] {
  switch (request.type) {
    case 'write':
      return ['write', hexBytes(request.requestId), request.transaction, request.askedAt];
    case 'read':
      return ['read', request.isFresh, request.seen === null ? null : seenBody(request.seen)];
    case 'bootstrap': {
      const { masters, clusterId, lineage } = request;
      return [...commandHead(request), masters, hexBytes(clusterId), hexBytes(lineage)];
    }
    case 'add':
    case 'remove':
      return [...commandHead(request), request.name];
    case 'force':
      return [...commandHead(request), hexBytes(request.lineage)];
    case 'forget':
      return commandHead(request);
  }
}

/** @throws ProtocolError ERR_PROTOCOL, and nothing else. */
export function readRequest(body: unknown): Request {
  const [type, ...fields] = readList(body, 1, 8);
  if (type === 'write') return readWrite(fields);
  if (type === 'read') {
    const [isFresh, seen] = readList(fields, 2, 2);
    return { type, isFresh: readBoolean(isFresh), seen: seen === null ? null : readSeen(seen) };
  }
  const [requestId, by, atMs, ...rest] = fields;
  const head = {
    requestId: readId(requestId),
    by: readText(by, limits.configCauseCharacters),
    atMs: readNumber(atMs),
  };
  switch (type) {
    case 'bootstrap': {
      const [masters, clusterId, lineage] = readList(rest, 3, 3);
      const names = readList(masters, 1, limits.configMasters).map(readName);
      return {
        ...head,
        type,
        masters: names,
        clusterId: readId(clusterId),
        lineage: readId(lineage),
      };
    }
    case 'add':
    case 'remove':
      return { ...head, type, name: readName(readList(rest, 1, 1)[0]) };
    case 'force':
      return { ...head, type, lineage: readId(readList(rest, 1, 1)[0]) };
    case 'forget':
      readList(rest, 0, 0);
      return { ...head, type };
    default:
      throw malformed('an unknown request');
  }
}

/** An answer as a value to be sent. */
export function answerBody(answer: Answer): readonly unknown[] {
  switch (answer.type) {
    case 'committed':
    case 'read':
      return [answer.type, hexBytes(answer.lineage), answer.revision];
    case 'failed':
      return [answer.type, hexBytes(answer.lineage), answer.revision, answer.failed];
    case 'done':
      return [answer.type, hexBytes(answer.lineage), answer.epoch];
    case 'error':
      return [answer.type, answer.code, answer.message];
  }
}

/** @throws ProtocolError ERR_PROTOCOL, and nothing else. */
export function readAnswer(body: unknown): Answer {
  const [type, first, second, ...rest] = readList(body, 3, 4);
  const [failed] = readList(rest, type === 'failed' ? 1 : 0, 1);
  switch (type) {
    case 'committed':
    case 'read':
      return { type, lineage: readId(first), revision: readNumber(second) };
    case 'failed':
      return {
        type,
        lineage: readId(first),
        revision: readNumber(second),
        failed: readNumber(failed),
      };
    case 'done':
      return { type, lineage: readId(first), epoch: readNumber(second) };
    case 'error':
      return { type, code: readCode(first), message: readText(second, MESSAGE_CHARACTERS) };
    default:
      throw malformed('an unknown answer');
  }
}

/** Text for people that comes from another node. */
const MESSAGE_CHARACTERS = 65_536;

/** A peer of a newer version may know codes that we do not: it is passed on as it is. */
function readCode(value: unknown): ErrorCode {
  const code = readText(value, 64);
  if (/^ERR_[A-Z_]+$/.test(code)) return code as ErrorCode;
  throw malformed('an error without a code');
}

function commandHead({ type, requestId, by, atMs }: Command): readonly unknown[] {
  return [type, hexBytes(requestId), by, atMs];
}

function readWrite(fields: readonly unknown[]): Request {
  const [requestId, transaction, askedAt] = readList(fields, 3, 3);
  return {
    type: 'write',
    requestId: readId(requestId),
    transaction: readBytes(transaction, limits.configEntryBytes),
    askedAt: askedAt === null ? null : readNumber(askedAt),
  };
}

function seenBody({ lineage, revision }: Seen): readonly unknown[] {
  return [hexBytes(lineage), revision];
}

function readSeen(value: unknown): Seen {
  const [lineage, revision] = readList(value, 2, 2);
  return { lineage: readId(lineage), revision: readNumber(revision) };
}
