/** Records as their writers make them. */
import {
  type MessageFields,
  messageRecordBytes,
  writeAck,
  writeCredit,
  writeFragmentHead,
  writeGivenUp,
  writeMessageHead,
  writeRefusal,
  writeSign,
} from '../../../src/wire/records.js';

/** A message to send, with changes. */
export const message = (changes: Partial<MessageFields> = {}): MessageFields => ({
  kind: 'send',
  id: 0,
  topic: 'topic',
  encoding: 'bytes',
  body: Buffer.from('body'),
  ...changes,
});

/** One message's record. */
export function encode(fields: MessageFields): Buffer {
  const topic = Buffer.from(fields.topic);
  const data = Buffer.alloc(messageRecordBytes(fields, topic.length));
  data.set(fields.body, writeMessageHead(data, 0, fields, topic));
  return data;
}

/** One of each. */
export function everyRecord(): Buffer {
  const data = Buffer.alloc(4096);
  const call = encode(message({ kind: 'call', id: 77, encoding: 'cbor' }));
  let at = call.copy(data);
  at = writeAck(data, at, 7, 2 ** 40);
  at = writeRefusal(data, at, { stream: 3, sequence: 9, index: 2, code: 'ERR_NO_HANDLER' });
  at = writeCredit(data, at, 2 ** 33, 5);
  at = writeFragmentHead(data, at, 5, 1000, 3) + 3;
  at = writeFragmentHead(data, at, 5, null, 2) + 2;
  at = writeGivenUp(data, at, 5);
  for (const sign of ['beat', 'probe', 'leave'] as const) at = writeSign(data, at, sign);
  return data.subarray(0, at);
}
