/** Moleculer's transporter over links of a `ClusterNode`. */
import type { Transporters } from 'moleculer';
import { ClusterNode, NodeError, type NodeOptions, startNode } from '../../index.js';
import type { BaseTransporter, MoleculerModule } from './framework.js';
import { type SendMeta, Session } from './session.js';

/** What a broker's transporter is told: a node that runs, or how to start one for the broker. */
export type SctpTransporterOptions =
  | {
      /** It stays the program's own: the broker uses it, and leaves it open when it stops. */
      readonly node: ClusterNode;
    }
  /**
   * As for `startNode`. `name` is the broker's nodeID unless told otherwise. The node is closed
   * when the broker stops.
   */
  | (Omit<NodeOptions, 'name'> & { readonly name?: string });

/** The class of the transporter; `new` takes what a broker's options would hold. */
export type SctpTransporterClass = new (options?: SctpTransporterOptions) => Transporters.Base;

/** @throws NodeError ERR_ARGUMENT */
function checkOptions(options: unknown): SctpTransporterOptions {
  if (typeof options === 'object' && options !== null) return options as SctpTransporterOptions;
  throw new NodeError(
    'ERR_ARGUMENT',
    "the SCTP transporter needs { node } or a node's options: " +
      "transporter: { type: 'SCTP', options }, or useNode(...) before the broker starts",
  );
}

function isNode(options: SctpTransporterOptions): options is { readonly node: ClusterNode } {
  return 'node' in options && options.node instanceof ClusterNode;
}

let shared: SctpTransporterOptions | undefined;

/**
 * What brokers take whose transporter is told nothing: `transporter: 'SCTP'`.
 * @param use a node, or the options of the node each broker starts.
 */
export function useNode(use: ClusterNode | SctpTransporterOptions): void {
  shared = use instanceof ClusterNode ? { node: use } : use;
}

/** A node for one broker, and whether it is the broker's own. */
async function nodeFor(
  given: SctpTransporterOptions | undefined,
  nodeId: string,
): Promise<{ readonly node: ClusterNode; readonly isOwn: boolean }> {
  const options = checkOptions(given ?? shared);
  if (isNode(options)) return { node: options.node, isOwn: false };
  return { node: await startNode({ name: nodeId, ...options } as NodeOptions), isOwn: true };
}

/**
 * Makes the transporter for one copy of Moleculer and registers it there as "SCTP". Importing
 * `backplane/moleculer` does so for the copy that is found beside this package; a program that has
 * another one (an alias, a linked folder) calls this.
 *
 * @param moleculer what `import moleculer from 'moleculer'` gives, 0.14 or 0.15.
 */
export function registerTransporter(moleculer: object): SctpTransporterClass {
  const { Transporters: transporters, Errors } = moleculer as MoleculerModule;

  class SctpTransporter extends transporters.Base {
    readonly #options: SctpTransporterOptions | undefined;
    #session: Session | null = null;
    #ownNode: ClusterNode | null = null;

    constructor(options?: SctpTransporterOptions) {
      // Moleculer shows these to whoever asks; ours hold keys.
      super({});
      this.#options = options;
    }

    override init(...args: Parameters<BaseTransporter['init']>): void {
      super.init(...args);
      const [transit] = args;
      // A link knows whether its node is there; a broker that is merely busy is no dead one.
      if (transit !== undefined) {
        transit.broker.registry.discoverer.opts.disableHeartbeatChecks = true;
      }
    }

    async connect(): Promise<void> {
      const { node, isOwn } = await nodeFor(this.#options, this.nodeID);
      this.#ownNode = isOwn ? node : null;
      this.#session = new Session(node, this, Errors);
      try {
        await this.onConnected();
      } catch (error) {
        // The broker tries again, and begins anew.
        await this.disconnect();
        throw error;
      }
    }

    async disconnect(): Promise<void> {
      this.connected = false;
      this.#session?.close();
      this.#session = null;
      await this.#ownNode?.close();
      this.#ownNode = null;
    }

    async makeSubscriptions(topics: readonly { readonly cmd: string }[]): Promise<void> {
      this.#session?.listen(topics.map(({ cmd }) => cmd));
    }

    override send(_topic: string, data: Buffer, meta: SendMeta): Promise<void> {
      return this.#session?.send(data, meta) ?? Promise.resolve();
    }

    override receive(cmd: string, data: Buffer, from?: unknown): void {
      this.#session?.receive(cmd, data, from);
    }
  }

  transporters.register('SCTP', SctpTransporter);
  return SctpTransporter as unknown as SctpTransporterClass;
}
