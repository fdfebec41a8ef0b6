/** Processes of masters, and the links between them: every message goes through here. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ClientWrite, WriteAnswer } from './clients.js';
import type { FromMaster, MasterSetup, ToMaster } from './master-protocol.js';

const program = fileURLToPath(new URL('master-process.js', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  isReady: boolean;
  /** Writes that it has not answered, by their number. */
  readonly asked: Map<number, (answer: WriteAnswer) => void>;
}

/** Who hears of what processes do. */
export interface MasterEvents {
  opening(name: string): void;
  opened(name: string): void;
  failed(message: string): void;
}

export class MasterLinks {
  readonly #events: MasterEvents;
  readonly #running = new Map<string, Running>();
  /** Number of the link of two, by `one two` in both orders. */
  readonly #links = new Map<string, number>();
  #lastLink = 0;
  #lastId = 0;

  constructor(events: MasterEvents) {
    this.#events = events;
  }

  /** Names of those whose machine runs. */
  get ready(): string[] {
    return [...this.#running].filter(([, { isReady }]) => isReady).map(([name]) => name);
  }

  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  start(setup: MasterSetup): void {
    const { name } = setup;
    const child = fork(program, [JSON.stringify(setup)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    const running = { child, ended: once(child, 'close'), isReady: false, asked: new Map() };
    this.#running.set(name, running);
    child.on('message', (message: FromMaster) => this.#hear(name, running, message));
    void running.ended.then(() => {
      if (this.#running.get(name) === running) {
        this.#events.failed(`${name} has ended by itself`);
        this.#gone(name, running);
      }
    });
  }

  /** SIGKILL; the others hear of it when all that it had sent has arrived. */
  async kill(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    this.#running.delete(name);
    running.child.kill('SIGKILL');
    await running.ended;
    this.#gone(name, running);
  }

  /** @returns 'open' when the process ends before it answers, or does not run. */
  ask(name: string, write: ClientWrite): Promise<WriteAnswer> {
    const running = this.#running.get(name);
    if (running?.isReady !== true) return Promise.resolve('open');
    const id = ++this.#lastId;
    const answer = new Promise<WriteAnswer>((resolve) => running.asked.set(id, resolve));
    this.#tell(name, { type: 'write', id, write });
    return answer;
  }

  #gone(name: string, { asked }: Running): void {
    this.#running.delete(name);
    for (const other of this.#running.keys()) {
      const wasLinked = this.#links.delete(`${name} ${other}`);
      this.#links.delete(`${other} ${name}`);
      if (wasLinked) this.#tell(other, { type: 'down', name });
    }
    for (const resolve of asked.values()) resolve('open');
  }

  #hear(name: string, running: Running, message: FromMaster): void {
    switch (message.type) {
      case 'opening':
        this.#events.opening(name);
        break;
      case 'opened':
        this.#events.opened(name);
        break;
      case 'ready':
        running.isReady = true;
        this.#link(name);
        break;
      case 'send': {
        const { to, link, body } = message;
        // What was sent over an earlier link of the two ended with it.
        if (this.#links.get(`${name} ${to}`) === link) this.#tell(to, { type: 'part', name, body });
        break;
      }
      case 'answer':
        running.asked.get(message.id)?.(message.answer);
        running.asked.delete(message.id);
        break;
      case 'failed':
        this.#events.failed(`${name}: ${message.message}`);
    }
  }

  #link(name: string): void {
    for (const other of this.ready) {
      if (other === name) continue;
      const link = ++this.#lastLink;
      this.#links.set(`${name} ${other}`, link).set(`${other} ${name}`, link);
      this.#tell(name, { type: 'up', name: other, link });
      this.#tell(other, { type: 'up', name, link });
    }
  }

  #tell(name: string, message: ToMaster): void {
    // One that was killed may not have been seen to end.
    this.#running.get(name)?.child.send(message, () => {});
  }
}
