/** One process of the scenario `mesh`: several nodes of one host, each linked with all others. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BackplaneError } from '../../errors.js';
import { type ClusterNode, startNode } from '../../index.js';
import type { MeshCommand, MeshReport, MeshSetup } from './mesh-protocol.js';

const TOPIC = 'tick';
const BODY = Buffer.alloc(64);

/** Time for what is due to be done before memory is measured. */
const COLLECTIONS = 3;

const setup = JSON.parse(process.argv[2]!) as MeshSetup;
const nodes: ClusterNode[] = [];
let sending: NodeJS.Timeout | undefined;
/** Ends of links here that are up. */
let up = 0;
let refused = 0;
let sent = 0;
let settled = 0;
let delivered = 0;
let isStopped = false;
let isJoined = false;
let isLeaving = false;

function report(message: MeshReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

function onUp(): void {
  up++;
  if (isJoined || up < setup.own.length * (setup.all.length - 1)) return;
  isJoined = true;
  report({ type: 'joined', atNs: String(process.hrtime.bigint()), refused });
}

async function start(): Promise<void> {
  const { planes, keyFile, profile } = setup;
  for (const { name, port } of setup.own) {
    const node = await startNode({ name, port, planes, keyFile, profile });
    node.on('nodeup', onUp);
    node.on('nodedown', ({ name: peer, reason }) => {
      up--;
      if (!isLeaving) report({ type: 'event', node: node.name, peer, reason });
    });
    node.on('refused', ({ suppressed }) => {
      refused += 1 + suppressed;
    });
    node.handle(TOPIC, () => {});
    nodes.push(node);
  }
}

function join(): void {
  for (const node of nodes) {
    for (const peer of setup.all) {
      if (peer.name !== node.name) node.connect(peer).catch(reportFailure);
    }
  }
}

function tellIfSent(): void {
  if (!isStopped || settled < sent) return;
  // From here on peers leave, and their word may be here before the scenario's.
  isLeaving = true;
  report({ type: 'sent', sent, delivered });
}

function send(everyMs: number): void {
  let turn = 0;
  sending = setInterval(() => {
    turn++;
    for (const node of nodes) {
      const peers = setup.all.filter(({ name }) => name !== node.name);
      sent++;
      node.send(peers[turn % peers.length]!.name, TOPIC, BODY, {
        onOutcome: ({ type }) => {
          settled++;
          if (type === 'delivered') delivered++;
          tellIfSent();
        },
      });
    }
  }, everyMs);
}

/** What is left when nothing can be collected any more. */
async function memory(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < COLLECTIONS; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  report({ type: 'memory', residentBytes: rss, heapBytes: heapUsed + external });
}

async function obey(command: MeshCommand): Promise<void> {
  switch (command.type) {
    case 'join':
      return join();
    case 'send':
      return send(command.everyMs);
    case 'stop':
      clearInterval(sending);
      isStopped = true;
      return tellIfSent();
    case 'memory':
      return memory();
    case 'links': {
      const links = nodes.flatMap((node) => node.nodes);
      const redundant = links.filter((link) => link.redundant).length;
      return report({ type: 'links', up: links.length, redundant });
    }
    case 'finish':
      await Promise.all(nodes.map((node) => node.close()));
      report({ type: 'finished' });
      process.disconnect();
  }
}

// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
process.on('message', (command: MeshCommand) => {
  obey(command).catch(reportFailure);
});
start().then(() => report({ type: 'ready' }), reportFailure);
