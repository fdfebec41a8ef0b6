/**
 * One process of the scenario `kills`: a node that sends and writes down every outcome, or one that
 * receives and writes down every message.
 */
import { BackplaneError } from '../../errors.js';
import type { ClusterNode } from '../../node/node.js';
import { sctpTransport } from '../../node/sctp-transport.js';
import { startNodeIn } from '../../node/start.js';
import { systemRuntime } from '../../runtime/index.js';
import { hostName, localAddresses } from '../../runtime/network.js';
import type { KillCommand, KillReport, KillSetup } from './kill-protocol.js';
import { KillReceiver } from './kill-receiver.js';
import { KillSender } from './kill-sender.js';
import { WatchedTransport } from './watched-transport.js';

function report(message: KillReport): void {
  process.send?.(message);
}

function reportFailure(error: unknown): void {
  const code = error instanceof BackplaneError ? error.code : 'ERR_LAB';
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report({ type: 'failed', code, message });
}

const setup = JSON.parse(process.argv[2]!) as KillSetup;
const transport = new WatchedTransport(sctpTransport());

function startNode(): Promise<ClusterNode> {
  const { name, planes, port, keyFile, profile } = setup;
  const machine = { hostName: hostName(), addresses: localAddresses() };
  const world = { runtime: systemRuntime, transport, machine };
  return startNodeIn(world, { name, planes, port, keyFile, profile });
}

const own = { setup, transport, report, startNode };
const role = setup.role === 'sender' ? new KillSender(own) : new KillReceiver(own);

// A scenario that dies takes its processes with it.
process.on('disconnect', () => process.exit(0));
process.on('message', (command: KillCommand) => {
  role.obey(command).catch(reportFailure);
});
process.on('uncaughtException', (error) => {
  reportFailure(error);
});
report({ type: 'ready' });
