import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { configureSocket, forgetAll } from '../../../src/sctp/configure.js';
import { defaultOptions, THRESHOLD_OFF } from '../../../src/sctp/index.js';
import type { NativeOptions } from '../../../src/sctp/native.js';
import { resolveOptions, type SctpOptions } from '../../../src/sctp/options.js';
import { FakeSocket, nativeError } from './fake-addon.js';
import { fakeAddon, turn, upAssociation, withCode } from './support.js';

const socketOf = () => new FakeSocket(fakeAddon(), 4);

test('defaults are complete and laid under what is given', () => {
  assert.deepEqual(resolveOptions(), defaultOptions);
  const options = resolveOptions({ rto: { minMs: 50, initialMs: 100 }, streams: { outbound: 2 } });
  assert.deepEqual(options.rto, { initialMs: 100, minMs: 50, maxMs: 60_000 });
  assert.deepEqual(options.streams, { outbound: 2, inbound: limits.streams });
});

test('each bad value is refused by the name of its option', () => {
  const bad: [SctpOptions, RegExp][] = [
    [{ streams: { outbound: 0 } }, /streams\.outbound/],
    [{ rto: { minMs: 1.5 } }, /rto\.minMs/],
    [{ rto: { minMs: 2000 } }, /rto: minMs <= initialMs/],
    [{ sack: { delayMs: 501 } }, /sack\.delayMs/],
    [{ sack: { delayMs: 0 } }, /frequency to 1/],
    [{ pathMaxRetransmits: 0 }, /pathMaxRetransmits/],
    [{ primarySwitchover: 0, pfThreshold: 1 }, /primarySwitchover/],
    [{ maxMessageBytes: limits.sctpMessageBytes + 1 }, /maxMessageBytes/],
    [{ noDelay: 1 as unknown as boolean }, /noDelay/],
    [{ streamScheduler: 'priority' as 'fcfs' }, /streamScheduler: priority is not fcfs or round/],
    [{ udpEncapsulationPort: 70_000 }, /udpEncapsulationPort/],
  ];
  for (const [options, text] of bad) {
    assert.throws(() => resolveOptions(options), withCode('ERR_OPTION_REJECTED', text));
  }
});

test('a PF threshold the kernel would never act on is refused', () => {
  assert.throws(
    () => resolveOptions({ pathMaxRetransmits: 1 }),
    withCode('ERR_OPTION_REJECTED', /pfThreshold.*pathMaxRetransmits must be 2 or more/),
  );
  assert.throws(
    () => resolveOptions({ pathMaxRetransmits: 3, pfThreshold: 2 }),
    withCode('ERR_OPTION_REJECTED', /at most 1 works/),
  );
  assert.equal(resolveOptions({ pathMaxRetransmits: 3, pfThreshold: 1 }).pfThreshold, 1);
  const off = resolveOptions({ pathMaxRetransmits: 1, pfThreshold: THRESHOLD_OFF });
  assert.equal(off.pfThreshold, THRESHOLD_OFF);
});

test('all options reach the socket, encapsulation only when asked for', () => {
  const socket = socketOf();
  configureSocket(socket, resolveOptions());
  for (const name of ['events', 'receiveInfo', 'exposePotentiallyFailed', 'noDelay']) {
    assert.equal(socket.options.get(name), true, name);
  }
  assert.equal(socket.options.has('udpEncapsulation'), false);
  configureSocket(socket, resolveOptions({ udpEncapsulationPort: 9899 }));
  assert.deepEqual(socket.options.get('udpEncapsulation'), { port: 9899 });
});

test('a living association: the kernel takes a high limit only while its paths have one', () => {
  const { association, socket } = upAssociation({ association: { maxRetransmits: 5 } });
  const limitsSet: string[] = [];
  const setOption = socket.setOption.bind(socket);
  socket.setOption = (name, value) => {
    const { maxRetransmits } = value as { maxRetransmits?: number };
    if (name === 'path' || name === 'association') limitsSet.push(`${name} ${maxRetransmits}`);
    setOption(name, value);
  };
  association.retime({
    association: { maxRetransmits: 200 },
    pathMaxRetransmits: 3,
    rto: { initialMs: 100, minMs: 50, maxMs: 100 },
    sendBufferBytes: 1000,
  });
  assert.deepEqual(limitsSet, ['path 200', 'association 200', 'path 3']);
  assert.deepEqual(socket.options.get('rto'), { initialMs: 100, minMs: 50, maxMs: 100 });
  assert.equal(socket.options.get('sendBuffer'), 2000);
  association.retime({});
  assert.equal(socket.options.get('sendBuffer'), 2000);
  socket.held.set('sack', { delayMs: 200, frequency: 2 });
  const refused = withCode('ERR_OPTION_REJECTED', /sack: delayMs 50/);
  assert.throws(() => association.retime({ sack: { delayMs: 50 } }), refused);
  association.abort();
  assert.throws(() => association.retime({}), { code: 'ERR_CLOSED' });
});

test('reading back: ticks, booleans and a delay that is off are no difference', () => {
  const socket = socketOf();
  socket.held.set('rto', { initialMs: 110, minMs: 60, maxMs: 400 });
  socket.held.set('sack', { delayMs: 0, frequency: 1 });
  const options: SctpOptions = {
    rto: { initialMs: 101, minMs: 55, maxMs: 400 },
    sack: { delayMs: 20, frequency: 1 },
  };
  assert.equal(configureSocket(socket, resolveOptions(options)), limits.socketBufferBytes * 2);
});

test('reading back: any other difference names the option', () => {
  const held: { [K in keyof NativeOptions]?: [NativeOptions[K], RegExp] } = {
    rto: [{ initialMs: 1000, minMs: 1011, maxMs: 60_000 }, /option rto: minMs 1000 .* holds 1011/],
    association: [{ maxRetransmits: 9, cookieLifeMs: 60_000 }, /association: maxRetransmits 10/],
    sack: [{ delayMs: 200, frequency: 1 }, /option sack: frequency 2/],
    noDelay: [false, /option noDelay/],
    streamScheduler: [2, /option streamScheduler: 0 was asked for/],
    exposePotentiallyFailed: [false, /option exposePotentiallyFailed/],
    pathThresholds: [
      { maxRetransmits: 5, potentiallyFailed: 1, primarySwitchover: THRESHOLD_OFF },
      /option pfThreshold/,
    ],
    sendBuffer: [1000, /option sendBufferBytes/],
  };
  for (const [name, [value, text]] of Object.entries(held)) {
    forgetAll();
    const socket = socketOf();
    socket.held.set(name, value);
    assert.throws(
      () => configureSocket(socket, resolveOptions()),
      withCode('ERR_OPTION_REJECTED', text),
    );
  }
});

test('what new sockets have held is not read back again, buffers are', () => {
  forgetAll();
  const read: string[] = [];
  const configured = () => {
    const socket = socketOf();
    const getOption = socket.getOption.bind(socket);
    socket.getOption = (name) => {
      read.push(name);
      return getOption(name);
    };
    configureSocket(socket, resolveOptions());
    return read.splice(0);
  };
  assert.ok(configured().includes('rto'));
  assert.deepEqual(configured(), ['sendBuffer', 'receiveBuffer']);
});

test('an option the kernel refuses is named, with errno and system call', () => {
  const socket = socketOf();
  socket.failures.set('setOption pathThresholds', nativeError('ENOPROTOOPT', 'setsockopt'));
  assert.throws(
    () => configureSocket(socket, resolveOptions()),
    (error: Error & { errno?: number; syscall?: string }) => {
      assert.equal(error.errno, -1);
      assert.equal(error.syscall, 'setsockopt');
      return withCode('ERR_OPTION_REJECTED', /pfThreshold/)(error);
    },
  );
});

test('buffers capped for want of privilege: what is granted counts, one warning', async () => {
  forgetAll();
  const warnings: (Error & { code?: string })[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  for (let i = 0; i < 2; i += 1) {
    const socket = socketOf();
    for (const name of ['sendBuffer', 'receiveBuffer']) {
      socket.failures.set(`setOption ${name}Force`, nativeError('EPERM', 'setsockopt'));
      socket.held.set(name, 425_984);
    }
    assert.equal(configureSocket(socket, resolveOptions()), 425_984);
  }
  await turn();
  process.off('warning', listener);
  assert.equal(warnings.length, 1);
  assert.equal(warnings[0]!.code, 'BACKPLANE_BUFFERS_CAPPED');
  assert.match(warnings[0]!.message, /4194304.*212992.*net\.core\.rmem_max=4194304/);
});
