/** Errors that the simulation of links must find. */
import type { Mutant } from '../mutants.js';

export const linkMutants: readonly Mutant[] = [
  {
    name: 'acknowledged before the handler',
    file: 'src/link/inbox.ts',
    find: '    const handled = this.#handlers.onMessage(message);',
    put:
      '    this.#acknowledge(stream, sequence);\n' +
      '    const handled = this.#handlers.onMessage(message);',
  },
  {
    name: 'outbox carried over to other links',
    file: 'src/link/lane.ts',
    find: '  readonly #queue = new Fifo<Pending>();',
    put: `  readonly #queue: Fifo<Pending> =
      ((globalThis as never)['carried'] ??= new Fifo<Pending>() as never);`,
  },
  {
    name: 'old link handled after nodedown',
    file: 'src/link/exchange.ts',
    find: '        isOver: () => this.#isOver || handlers.isOver(),',
    put: '        isOver: () => false,',
  },
  {
    name: 'ttl bundled with reliable messages',
    file: 'src/link/outbox.ts',
    find: 'options.unordered === true || options.ttlMs !== undefined;',
    put: 'options.unordered === true;',
  },
  {
    name: 'a message overtakes the fragments of its key',
    file: 'src/link/lane.ts',
    find: '    if (ahead !== undefined) {',
    put: '    if (ahead !== undefined && ahead.offset === 0) {',
  },
  {
    name: 'nonce used twice',
    file: 'src/link/sealing.ts',
    find: 'this.bytes.writeUInt32BE(sequence % 2 ** 32, 8);',
    put: 'this.bytes.writeUInt32BE(sequence >>> 1, 8);',
  },
  {
    name: 'both directions share keys',
    file: 'src/link/sealing.ts',
    find: 'bundle 1 $' + '{direction} ',
    put: 'bundle 1 ',
  },
  {
    name: 'all streams share keys',
    file: 'src/link/sealing.ts',
    find: '$' + '{direction} $' + '{stream} ',
    put: '$' + '{direction} ',
  },
  {
    name: 'sequence not checked',
    file: 'src/link/sealing.ts',
    find: 'this.#window === null ? sequence === this.#next :',
    put: 'this.#window === null ? true :',
  },
  {
    name: 'replay window remembers nothing',
    file: 'src/link/sealing.ts',
    find: 'return this.#seen[sequence % this.#width] === 0;',
    put: 'return true;',
  },
  {
    name: 'tag not looked at',
    file: 'src/link/sealing.ts',
    find: "    if (records === null) throw this.#refused('was not sealed for it');",
    put: '    records ??= frame.subarray(BUNDLE_HEADER_BYTES);',
  },
  {
    name: 'restart ignored',
    file: 'src/link/link.ts',
    find: "    if (end === 'restarted') this.#carrier.abort();",
    put: "    if (end === 'restarted') return;",
  },
  {
    name: 'fragment bound off by one',
    file: 'src/link/lane.ts',
    find: '    const bodyTo = offset + pieceBytes - head.length;',
    put: '    const bodyTo = offset + pieceBytes - head.length - 1;',
  },
  {
    name: 'more large messages at once than the peer takes',
    file: 'src/link/lane.ts',
    find: '    const begun = this.#large.filter(({ offset }) => offset > 0).length;',
    put: '    const begun = 0;',
  },
  {
    name: 'one bundle too many counts as acknowledged',
    file: 'src/link/lane.ts',
    find: 'next.sequence <= sequence;',
    put: 'next.sequence <= sequence + 1;',
  },
  {
    name: 'unsent without evidence',
    file: 'src/link/outbox.ts',
    find: 'done?.(unsent ? UNSENT : UNKNOWN);',
    put: 'done?.(UNSENT);',
  },
  {
    name: 'too much counts as never taken by the kernel',
    file: 'src/link/outbox.ts',
    find: 'this.#carriedBytes - carrierBytes;',
    put: 'this.#carriedBytes - 2 * carrierBytes;',
  },
  {
    name: 'no outcome for what waits',
    file: 'src/link/outbox.ts',
    find: '      for (const done of lane.waiting()) done?.(UNSENT);',
    put: '',
  },
  {
    name: 'outcomes told after nodedown',
    file: 'src/link/link.ts',
    find: ' ending.end);\n    this.#exchange?.end(this.#carrier.queuedBytes);',
    put:
      ' ending.end);\n' +
      '    const { queuedBytes } = this.#carrier;\n' +
      '    this.#options.runtime.timers.soon(() => this.#exchange?.end(queuedBytes));',
  },
  {
    name: 'left before what was sent is delivered',
    file: 'src/link/link.ts',
    find: '    if (!wasUp || this.#exchange?.isSettled === true) this.#shutdown();',
    put: '    this.#shutdown();',
  },
  {
    name: 'left without a word',
    file: 'src/link/link.ts',
    find: "    this.#exchange?.sign('leave');",
    put: '',
  },
  {
    name: 'more sent than there is credit for',
    file: 'src/link/outbox.ts',
    find: 'return this.#smallUsed + bytes <= this.#smallCredit;',
    put: 'return true;',
  },
  {
    name: 'credit does not come back',
    file: 'src/link/inbox.ts',
    find: '    handled.then(settled, settled);',
    put: '    void settled;',
  },
  {
    name: 'no drain',
    file: 'src/link/exchange.ts',
    find: '    this.#wantsDrain = false;\n    this.#setup.handlers.onDrain();',
    put: '    this.#wantsDrain = false;',
  },
  {
    name: 'streams forgotten while the carrier is full',
    file: 'src/link/outbox.ts',
    find: '          lanes.push(lane);\n',
    put: '',
  },
  {
    name: 'user traffic takes the reserve',
    file: 'src/link/outbox.ts',
    find: 'if (lane.rank === 0) return true;',
    put: 'if (lane.rank <= 2) return true;',
  },
  {
    name: 'told that it expired, and sent',
    file: 'src/link/outbox.ts',
    find: '        pending.done?.(EXPIRED);\n        continue;',
    put: '        pending.done?.(EXPIRED);',
  },
  {
    name: 'refusal of another message',
    file: 'src/link/outbox.ts',
    find: 'const code = refusals?.get(index);',
    put: 'const code = refusals?.get(index + 1);',
  },
  {
    name: 'refusal overtaken by its acknowledgement',
    file: 'src/link/inbox.ts',
    find: 'isOwn || this.#hasRefused[stream] === 0;',
    put: 'isOwn || stream >= 0;',
  },
  {
    name: 'acknowledgements wait for company',
    file: 'src/link/exchange.ts',
    find: '      if (this.#inbox.bytes === 0) return;\n      this.#outbox.touch();',
    put: '      if (this.#inbox.bytes === 0) return;',
  },
  {
    name: 'what comes is no sign of life',
    file: 'src/link/liveness.ts',
    find: '      this.#lastHeardMs = nowMs;',
    put: '',
  },
  {
    name: 'no beats',
    file: 'src/link/liveness.ts',
    find: "      this.#outputs.push('beat');",
    put: '',
  },
  {
    name: 'proof of the dialler not looked at',
    file: 'src/link/handshake.ts',
    find: "if (!equalInConstantTime(mac, this.#mac('dialler'))) {",
    put: "if (!equalInConstantTime(mac, this.#mac('dialler')) && mac.length === 0) {",
  },
  {
    name: 'proof of the acceptor not looked at',
    file: 'src/link/handshake.ts',
    find: "if (!equalInConstantTime(mac, this.#mac('acceptor'))) {",
    put: "if (!equalInConstantTime(mac, this.#mac('acceptor')) && mac.length === 0) {",
  },
  {
    name: 'only the first key of the ring accepted',
    file: 'src/link/handshake.ts',
    find: "role === 'acceptor' ? local.keys : [this.#key];",
    put: '[this.#key];',
  },
  {
    name: 'a second link beside the first',
    file: 'src/node/links.ts',
    find: '    if (live === null) return this.#admit(peer, attempt);',
    put: '    if (live !== undefined) return this.#admit(peer, attempt);',
  },
];
