/**
 * The frames before a link is up. Fixed layouts, no CBOR: what a stranger sends is read here.
 *
 * HELLO (dialler) and CHALLENGE (acceptor) have one layout after the header:
 *
 * | bytes | field |
 * |---|---|
 * | 2 + 2 | least and greatest protocol version |
 * | 4 + 4 | feature bits: supported, required |
 * | 1 + 1 | least and greatest level of security |
 * | 5 x 4 | RTO.Min, SACK delay, beat, failover gap, stall time, in ms |
 * | 4 | link number |
 * | 8 | incarnation |
 * | 32 | nonce |
 * | 32 | ephemeral X25519 public key |
 * | 8 | id of the cluster key |
 * | 1 + n | name |
 * | 1 + n | cluster label |
 *
 * RESPONSE (dialler) and WELCOME (acceptor) are a MAC of 32 bytes; REFUSE (either) is a code of 2
 * bytes.
 */
import type { ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import {
  FrameReader,
  FrameType,
  FrameWriter,
  frameType,
  HEADER_BYTES,
  malformed,
} from './frame.js';

export const NONCE_BYTES = 32;
export const PUBLIC_KEY_BYTES = 32;
export const MAC_BYTES = 32;
export const KEY_ID_BYTES = 8;

/** What a program speaks: ranges, of which the handshake takes the greatest both have. */
export interface Offer {
  readonly versionMin: number;
  readonly versionMax: number;
  /** Feature bits this end has, and those without which it will not have a link. */
  readonly featuresSupported: number;
  readonly featuresRequired: number;
  /** Values of SecurityLevel. */
  readonly securityMin: number;
  readonly securityMax: number;
}

/** Levels of security. The values are on the wire. */
export const SecurityLevel = { authenticated: 1, sealed: 2 } as const;

/** What this version of the package speaks. */
export const currentOffer: Offer = {
  versionMin: 1,
  versionMax: 1,
  featuresSupported: 0,
  featuresRequired: 0,
  securityMin: SecurityLevel.sealed,
  securityMax: SecurityLevel.sealed,
};

/** The timers the other end has to know, in milliseconds. */
export interface TimingFields {
  readonly rtoMinMs: number;
  readonly sackDelayMs: number;
  readonly beatMs: number;
  readonly gapMs: number;
  readonly stallMs: number;
}

/** HELLO and CHALLENGE. */
export interface Introduction {
  readonly offer: Offer;
  readonly timing: TimingFields;
  /** The dialler's proposal; the acceptor repeats it. */
  readonly linkNumber: number;
  readonly incarnation: bigint;
  readonly nonce: Buffer;
  readonly publicKey: Buffer;
  readonly keyId: Buffer;
  readonly name: string;
  readonly label: string;
}

/** Why one end will not have the other, and its number on the wire. */
const refusals = {
  ERR_PROTOCOL: 1,
  ERR_HANDSHAKE_LIMIT: 2,
  ERR_VERSION: 3,
  ERR_LABEL_MISMATCH: 4,
  ERR_KEY_MISMATCH: 5,
  ERR_FEATURES: 6,
  ERR_SECURITY: 7,
  ERR_PROFILE_MISMATCH: 8,
  ERR_NAME_MISMATCH: 9,
  ERR_NAME_TAKEN: 10,
  ERR_LINK_DUPLICATE: 11,
  ERR_TIMEOUT: 12,
  ERR_CLOSED: 13,
  ERR_QUEUE_FULL: 14,
  ERR_PEERS: 15,
} as const satisfies Partial<Record<ErrorCode, number>>;

/** The codes a REFUSE can carry. */
export type RefusalCode = keyof typeof refusals;

const refusalsByNumber = new Map<number, RefusalCode>(
  Object.entries(refusals).map(([code, number]) => [number, code as RefusalCode]),
);

/** Whether a REFUSE can carry this code. */
export function isRefusalCode(code: ErrorCode): code is RefusalCode {
  return Object.hasOwn(refusals, code);
}

/** One frame of the handshake; `unknown` is a type this version does not know. */
export type HandshakeFrame =
  | { readonly type: 'hello' | 'challenge'; readonly introduction: Introduction }
  | { readonly type: 'response' | 'welcome'; readonly mac: Buffer }
  | { readonly type: 'refuse'; readonly code: RefusalCode }
  | { readonly type: 'unknown' };

const FIXED_BYTES = HEADER_BYTES + 34 + 4 + 8 + NONCE_BYTES + PUBLIC_KEY_BYTES + KEY_ID_BYTES + 2;

/** Encodes HELLO or CHALLENGE. Name and label have been checked against their limits. */
export function encodeIntroduction(type: 'hello' | 'challenge', from: Introduction): Buffer {
  const name = Buffer.from(from.name);
  const label = Buffer.from(from.label);
  const { offer, timing } = from;
  return new FrameWriter(FrameType[type], FIXED_BYTES + name.length + label.length)
    .uint16(offer.versionMin)
    .uint16(offer.versionMax)
    .uint32(offer.featuresSupported)
    .uint32(offer.featuresRequired)
    .uint8(offer.securityMin)
    .uint8(offer.securityMax)
    .uint32(timing.rtoMinMs)
    .uint32(timing.sackDelayMs)
    .uint32(timing.beatMs)
    .uint32(timing.gapMs)
    .uint32(timing.stallMs)
    .uint32(from.linkNumber)
    .uint64(from.incarnation)
    .bytes(from.nonce)
    .bytes(from.publicKey)
    .bytes(from.keyId)
    .text(name)
    .text(label).frame;
}

/** Encodes RESPONSE or WELCOME. */
export function encodeProof(type: 'response' | 'welcome', mac: Uint8Array): Buffer {
  return new FrameWriter(FrameType[type], HEADER_BYTES + MAC_BYTES).bytes(mac).frame;
}

/** Encodes REFUSE. */
export function encodeRefuse(code: RefusalCode): Buffer {
  return new FrameWriter(FrameType.refuse, HEADER_BYTES + 2).uint16(refusals[code]).frame;
}

/**
 * Decodes one frame of the handshake. Frames of a link (BEAT, MESSAGE ...) are not among them.
 *
 * @throws ProtocolError ERR_PROTOCOL, and nothing else.
 */
export function decodeHandshakeFrame(data: Buffer): HandshakeFrame {
  const type = frameType(data);
  const reader = new FrameReader(data);
  switch (type) {
    case FrameType.hello:
    case FrameType.challenge: {
      const introduction = readIntroduction(reader);
      reader.end();
      return { type: type === FrameType.hello ? 'hello' : 'challenge', introduction };
    }
    case FrameType.response:
    case FrameType.welcome: {
      const mac = reader.bytes(MAC_BYTES);
      reader.end();
      return { type: type === FrameType.response ? 'response' : 'welcome', mac };
    }
    case FrameType.refuse: {
      const number = reader.uint16();
      reader.end();
      // A newer peer may have reasons that this version has no word for.
      return { type: 'refuse', code: refusalsByNumber.get(number) ?? 'ERR_PROTOCOL' };
    }
    case FrameType.bundle:
    case FrameType.looseBundle:
      throw malformed('a frame of a link before the link is up');
    default:
      return { type: 'unknown' };
  }
}

function readIntroduction(reader: FrameReader): Introduction {
  const offer: Offer = {
    versionMin: reader.uint16(),
    versionMax: reader.uint16(),
    featuresSupported: reader.uint32(),
    featuresRequired: reader.uint32(),
    securityMin: reader.uint8(),
    securityMax: reader.uint8(),
  };
  if (offer.versionMin > offer.versionMax || offer.securityMin > offer.securityMax) {
    throw malformed('a range that ends before it begins');
  }
  return {
    offer,
    timing: {
      rtoMinMs: reader.uint32(),
      sackDelayMs: reader.uint32(),
      beatMs: reader.uint32(),
      gapMs: reader.uint32(),
      stallMs: reader.uint32(),
    },
    linkNumber: reader.uint32(),
    incarnation: reader.uint64(),
    nonce: reader.bytes(NONCE_BYTES),
    publicKey: reader.bytes(PUBLIC_KEY_BYTES),
    keyId: reader.bytes(KEY_ID_BYTES),
    name: reader.text(limits.nodeNameBytes),
    label: reader.text(limits.clusterLabelBytes),
  };
}
