/** One process of the scenario `liveness`: one node that tells what it sees, and can be blocked. */
import { BackplaneError } from '../../errors.js';
import { type ClusterNode, startNode } from '../../index.js';
import type {
  LivenessCommand,
  LivenessEvent,
  LivenessReport,
  LivenessSetup,
} from './liveness-protocol.js';

const TOPIC = 'tick';
const BODY = Buffer.alloc(64);

const setup = JSON.parse(process.argv[2]!) as LivenessSetup;
let calling: NodeJS.Timeout | undefined;

const nowNs = (): string => String(process.hrtime.bigint());

function report(message: LivenessReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

function reportEvents(node: ClusterNode): void {
  const tell = (event: LivenessEvent) => report({ type: 'event', atNs: nowNs(), event });
  node.on('nodeup', ({ name }) => tell({ kind: 'nodeup', peer: name }));
  node.on('nodedown', ({ name, reason }) => tell({ kind: 'nodedown', peer: name, reason }));
  node.on('stalled', ({ name }) => tell({ kind: 'stalled', peer: name }));
  node.on('resumed', ({ name }) => tell({ kind: 'resumed', peer: name }));
  node.on('redundancy', ({ name, state }) => tell({ kind: 'redundancy', peer: name, state }));
}

/** Without a turn of the processor: others are measured meanwhile. */
function block(durationMs: number): void {
  const fromNs = nowNs();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
  report({ type: 'blocked', fromNs, toNs: nowNs() });
}

function call(node: ClusterNode, perSecond: number): void {
  clearInterval(calling);
  if (perSecond === 0) return;
  calling = setInterval(() => {
    // A link that ends fails its calls; that it ended is an event of its own.
    for (const { name } of node.nodes) node.call(name, TOPIC, BODY).catch(() => {});
  }, 1000 / perSecond);
}

function obey(node: ClusterNode, command: LivenessCommand): void {
  switch (command.type) {
    case 'connect':
      // It is rejected when the peer is dialled no more.
      node.connect(command.peer).catch(() => {});
      return;
    case 'disconnect':
      node.disconnect(command.name).catch(reportFailure);
      return;
    case 'block':
      return block(command.durationMs);
    case 'call':
      return call(node, command.perSecond);
  }
}

// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
startNode(setup).then((node) => {
  reportEvents(node);
  node.handle(TOPIC, () => null);
  process.on('message', (command: LivenessCommand) => obey(node, command));
  report({ type: 'ready' });
}, reportFailure);
