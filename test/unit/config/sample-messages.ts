/** Messages of the configuration, one of each kind. */
import { ORIGIN } from '../../../src/config/entry.js';
import type { Message } from '../../../src/config/messages.js';
import type { Request } from '../../../src/config/replica-io.js';
import { commanded, idOf, write } from './cluster.js';

const hash = '5'.repeat(64);
/** A place in a log. */
export const at = { revision: 4, hash };
const ids = { clusterId: idOf('c'), lineage: idOf('L') };
/** Of a first epoch. */
export const record = {
  ...ids,
  epoch: 1,
  masters: [{ name: 'a@h1', storeId: idOf('s') }],
  parent: null,
  ancestors: [],
  cause: { kind: 'bootstrap', by: 'me', atMs: 1 },
} as const;

const requests: Request[] = [
  write({ write: [{ put: 'cluster/x', value: 1 }] }),
  write({ write: [{ put: 'cluster/x', value: 1 }] }, { askedAt: 7 }),
  { type: 'read', isFresh: true, seen: null },
  { type: 'read', isFresh: false, seen: { lineage: idOf('L'), revision: 3 } },
  commanded({ type: 'bootstrap', masters: ['a@h1', 'b@h2'], ...ids }),
  commanded({ type: 'add', name: 'a@h1' }),
  commanded({ type: 'remove', name: 'a@h1' }),
  commanded({ type: 'force', lineage: idOf('L2') }),
  commanded({ type: 'forget' }),
];

/** But for whom it answers and what epoch it knows. */
export const hello = {
  type: 'hello',
  from: idOf('from'),
  storeId: idOf('s'),
  last: at,
  committed: ORIGIN,
  canStore: true,
  isSlave: false,
  isClient: false,
} as const;

const writer = { name: 'w@h1', isClient: true };

/** One of each kind, and of each kind of request. */
export const messages: Message[] = [
  { ...hello, to: null, record: null },
  { ...hello, to: idOf('to'), record },
  { type: 'follow', ticket: 1, at, committed: ORIGIN, lineage: idOf('L') },
  { type: 'follow', ticket: 2, at: ORIGIN, committed: ORIGIN, lineage: null },
  { type: 'unfollow', ticket: 1 },
  { type: 'entries', ticket: 1, committed: 9, entries: [Buffer.from('a'), Buffer.from('b')] },
  { type: 'snapshot', ticket: 1, base: { ...at, record: Buffer.from('r') } },
  {
    type: 'piece',
    ticket: 1,
    items: [{ key: Buffer.from('k'), value: Buffer.from('v') }],
    digest: null,
  },
  { type: 'piece', ticket: 1, items: [], digest: hash },
  { type: 'taken', ticket: 1, messages: 3, stored: 4 },
  { type: 'end', ticket: 1, code: 'ERR_DIVERGED' },
  ...requests.map((request) => {
    return { type: 'request', id: 1, request, writer, waitMs: 5, hops: 0 } as const;
  }),
  { type: 'answer', id: 1, answer: { type: 'committed', lineage: idOf('L'), revision: 3 } },
  { type: 'answer', id: 1, answer: { type: 'failed', failed: 2, lineage: idOf('L'), revision: 3 } },
  { type: 'answer', id: 1, answer: { type: 'read', lineage: idOf('L'), revision: 3 } },
  { type: 'answer', id: 1, answer: { type: 'done', lineage: idOf('L'), epoch: 3 } },
  { type: 'answer', id: 1, answer: { type: 'error', code: 'ERR_REPLICAS', message: 'no' } },
  { type: 'confirm', round: 1 },
  { type: 'confirmed', round: 1, isFollowing: true },
  { type: 'invite' },
  { type: 'freeze', isFrozen: true },
];
