/**
 * The process of one master: its machine on its store, with links that the process above carries.
 * It is killed at any moment.
 */

import { messageBody } from '../../src/config/messages.js';
import { Replica } from '../../src/config/replica.js';
import type { ReplicaInput, ReplicaOutput } from '../../src/config/replica-io.js';
import { loadState } from '../../src/config/state.js';
import { openStore } from '../../src/config/store.js';
import type { ConfigStore } from '../../src/config/store-contract.js';
import { decodeBody, encodeBody } from '../../src/wire/payload.js';
import type { FromMaster, MasterSetup, ToMaster } from './master-protocol.js';

/** Longer than all masters take to be there: none is to serve reads alone. */
const LOAD_MS = 60_000;

function tell(message: FromMaster): void {
  process.send?.(message);
}

/** Steps the machine, and does what it says. */
class Master {
  readonly #store: ConfigStore;
  readonly #machine: Replica;
  readonly #links = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #isTaking = false;

  constructor(store: ConfigStore, { name, masters, instance }: MasterSetup) {
    const { contents } = store;
    const setup = { name, masters, instance, loadMs: LOAD_MS, contents, load: loadState };
    this.#store = store;
    this.#machine = new Replica(performance.now(), setup);
    this.#soon();
  }

  step(input: ReplicaInput): void {
    this.#machine.step(performance.now(), input);
    this.#soon();
  }

  obey(message: ToMaster): void {
    switch (message.type) {
      case 'up':
        this.#links.set(message.name, message.link);
        return this.step({ type: 'up', name: message.name });
      case 'down':
        this.#links.delete(message.name);
        return this.step({ type: 'down', name: message.name });
      case 'message': {
        const body = decodeBody('cbor', Buffer.from(message.body));
        return this.step({ type: 'message', name: message.name, body });
      }
      case 'request': {
        const { id, request, waitMs } = message;
        const deadlineMs = performance.now() + waitMs;
        return this.step({ type: 'request', id, request: asRequest(request), deadlineMs });
      }
    }
  }

  /** What comes in one turn is stepped together. */
  #soon(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    setImmediate(() => {
      this.#isTaking = false;
      this.#take();
    });
  }

  #take(): void {
    for (let output = this.#machine.poll(); output !== null; output = this.#machine.poll()) {
      this.#carryOut(output);
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    const waitMs = this.#machine.deadline() - performance.now();
    const tick = () => this.step({ type: 'tick' });
    this.#timer = Number.isFinite(waitMs) ? setTimeout(tick, Math.max(0, waitMs)) : null;
  }

  #carryOut(output: ReplicaOutput): void {
    switch (output.type) {
      case 'persist':
        this.#store.persist(output.batch);
        break;
      case 'send': {
        const link = this.#links.get(output.to);
        const { body } = encodeBody(messageBody(output.message));
        if (link !== undefined) tell({ type: 'send', to: output.to, link, body });
        break;
      }
      case 'answer':
        tell({ type: 'answer', id: output.id, answer: output.answer });
        break;
      case 'refuse':
        tell({ type: 'failed', message: `${output.name}: ${output.error.message}` });
        break;
      default:
      // Nobody reads here.
    }
  }
}

/** Between processes a Buffer becomes a plain array of bytes. */
function asRequest(request: Extract<ToMaster, { type: 'request' }>['request']) {
  if (request.type !== 'write') return request;
  return { ...request, transaction: Buffer.from(request.transaction) };
}

async function run(setup: MasterSetup): Promise<void> {
  tell({ type: 'opening' });
  const events = {
    persisted: (token: number) => master.step({ type: 'persisted', token }),
    failed: (_token: number, code: string, message: string) =>
      tell({ type: 'failed', message: `${code}: ${message}` }),
  };
  const store = await openStore(setup.path, events, setup.storeId);
  const master = new Master(store, setup);
  process.on('message', (message: ToMaster) => master.obey(message));
  tell({ type: 'ready' });
}

process.on('disconnect', () => process.exit());
run(JSON.parse(process.argv[2]!) as MasterSetup).catch((error: unknown) => {
  tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
});
