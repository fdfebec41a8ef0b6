import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { systemResolver } from '../../../src/runtime/dns.js';

const SRV = 33;
const AAAA = 28;
const A = 1;
const NAME_ERROR = 3;

/** A name as it stands in a DNS message (RFC 1035, 3.1). */
function labels(name: string): Buffer {
  const parts = name.split('.').map((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([...parts.flat(), Buffer.from([0])]);
}

/** Data of records by `TYPE name`; a name without any does not exist. */
type Zone = Readonly<Record<string, readonly Buffer[]>>;

/** The answer to one question (RFC 1035, 4.1). */
function answer(query: Buffer, zone: Zone): Buffer {
  let at = 12;
  const parts: string[] = [];
  for (let length = query[at]!; length > 0; length = query[at]!) {
    parts.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const name = parts.join('.');
  const exists = Object.keys(zone).some((key) => key.endsWith(` ${name}`));
  const records = zone[`${type} ${name}`] ?? [];
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | (exists ? 0 : NAME_ERROR), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  const answers = records.map((data) => {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(0xc00c, 0); // the name of the question
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(30, 6);
    head.writeUInt16BE(data.length, 10);
    return Buffer.concat([head, data]);
  });
  return Buffer.concat([header, question, ...answers]);
}

function srv(target: string, port: number): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(port, 4);
  return Buffer.concat([head, labels(target)]);
}

async function serve(context: TestContext, zone: Zone): Promise<string> {
  const socket: Socket = createSocket('udp4');
  context.after(() => socket.close());
  socket.on('message', (query, { port, address }) => {
    socket.send(answer(query, zone), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return `127.0.0.1:${socket.address().port}`;
}

test('a name server on the network is asked for targets and addresses', async (context) => {
  const server = await serve(context, {
    [`${SRV} _backplane._sctp.example.com`]: [
      srv('host1.example.com', 24100),
      srv('host2.example.com', 24101),
    ],
    [`${A} host1.example.com`]: [Buffer.from([10, 1, 0, 1]), Buffer.from([10, 2, 0, 1])],
    [`${AAAA} host2.example.com`]: [Buffer.concat([Buffer.from([0xfd]), Buffer.alloc(15, 1)])],
  });
  const resolver = systemResolver([server]);
  const records = await resolver.srv('_backplane._sctp.example.com');
  assert.deepEqual(
    [...records].sort((a, b) => a.port - b.port),
    [
      { target: 'host1.example.com', port: 24100 },
      { target: 'host2.example.com', port: 24101 },
    ],
  );
  assert.deepEqual([...(await resolver.addresses('host1.example.com', 4))].sort(), [
    '10.1.0.1',
    '10.2.0.1',
  ]);
  assert.deepEqual(await resolver.addresses('host1.example.com', 6), []);
  assert.deepEqual(await resolver.addresses('host2.example.com', 6), [
    'fd01:101:101:101:101:101:101:101',
  ]);
  assert.deepEqual(await resolver.addresses('nobody.example.com', 4), []);
  await assert.rejects(resolver.srv('_backplane._sctp.nobody.com'), { code: 'ENOTFOUND' });
});

test('what is no name server is refused', () => {
  assert.throws(() => systemResolver(['host']), { code: 'ERR_INVALID_IP_ADDRESS' });
});
