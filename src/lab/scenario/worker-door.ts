/**
 * Workers that controllers have started, as processes of a scenario. They are nobody's children
 * here, so they come through a Unix socket and say there what others say over IPC.
 */
import { EventEmitter } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { PartyProcess } from './party.js';

/** The first line of a worker. */
interface Hello {
  readonly name: string;
  readonly pid: number;
}

/** One worker. To `Party` it is like a child. */
class DoorProcess extends EventEmitter implements PartyProcess {
  readonly pid: number;
  readonly exitCode = null;
  readonly signalCode = null;
  connected = true;
  readonly #socket: Socket;

  constructor(socket: Socket, { pid }: Hello) {
    super();
    this.pid = pid;
    this.#socket = socket;
    socket.once('close', () => {
      this.connected = false;
      this.emit('exit', 0, null);
      this.emit('disconnect');
    });
  }

  send(message: object): void {
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  kill(signal: NodeJS.Signals): boolean {
    return process.kill(this.pid, signal);
  }
}

/** Where workers are let in. */
export class WorkerDoor {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Map<string, (worker: PartyProcess) => void>();

  private constructor() {
    this.#server = createServer((socket) => this.#letIn(socket));
  }

  /** Opens one at a path. */
  static async open(path: string): Promise<WorkerDoor> {
    const door = new WorkerDoor();
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject);
      door.#server.listen(path, resolve);
    });
    return door;
  }

  /**
   * The worker with this name, when it comes; to be asked for before.
   * @param meet sees it before anything that it says
   */
  next<T>(name: string, meet: (worker: PartyProcess) => T): Promise<T> {
    return new Promise((resolve) => {
      this.#waiting.set(name, (worker) => resolve(meet(worker)));
    });
  }

  /** Lets nobody in any more. Those who are in end. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #letIn(socket: Socket): void {
    let worker: DoorProcess | null = null;
    this.#sockets.add(socket);
    // What becomes of it is told by its end.
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    createInterface({ input: socket }).on('line', (line) => {
      const message = JSON.parse(line) as object;
      if (worker !== null) {
        worker.emit('message', message);
        return;
      }
      const hello = message as Hello;
      worker = new DoorProcess(socket, hello);
      this.#waiting.get(hello.name)?.(worker);
      this.#waiting.delete(hello.name);
    });
  }
}

/** The worker's side. */
export interface DoorChannel<Command, Report> {
  report(message: Report): void;
  /** Ends it, with all that was reported told. */
  close(): void;
  onCommand: (command: Command) => void;
}

/** Comes in. Whoever is inside ends with the scenario. */
export async function enterDoor<Command, Report>(
  path: string,
  name: string,
): Promise<DoorChannel<Command, Report>> {
  const socket = createConnection(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', resolve);
  });
  const tell = (message: unknown) => void socket.write(`${JSON.stringify(message)}\n`);
  const channel: DoorChannel<Command, Report> = {
    report: tell,
    close: () => void socket.end(),
    onCommand: () => {},
  };
  socket.once('close', () => process.exit(0));
  createInterface({ input: socket }).on('line', (line) => {
    channel.onCommand(JSON.parse(line) as Command);
  });
  tell({ name, pid: process.pid } satisfies Hello);
  return channel;
}
