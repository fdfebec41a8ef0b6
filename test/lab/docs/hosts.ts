/**
 * Three hosts for a page that is executed: what `systemctl` and `scp` are there, and the faults
 * the page tells of. A host has a folder of its own, and its name.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLab, type Lab } from '../../../src/lab/index.js';
import { projectRoot } from '../../unit/rules/sources.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const PAGE_BYTES = 4096;

/** Of a host that has installed another version: the same code, under another number. */
const installed = 'node_modules/backplane/dist/src/cli/main.js';

const programs = {
  backplane: `#!/bin/sh
[ -e ${installed} ] || exec '${process.execPath}' '${main}' "$@"
exec '${process.execPath}' --preserve-symlinks --preserve-symlinks-main "$PWD/${installed}" "$@"
`,
  // `npm install backplane@VERSION`
  npm: `#!/bin/sh
mkdir -p node_modules/backplane && cd node_modules/backplane || exit
for each in build deploy dist node_modules prebuilds; do ln -sfn "${projectRoot}/$each" .; done
version='"version": "'"\${2#*@}"'"'
exec sed "s/\\"version\\": .*,/$version,/" '${projectRoot}/package.json' > package.json
`,
  // Folders of hosts lie beside one another. `scp [-p] FILE HOST:`
  scp: '#!/bin/sh\n[ "$1" = -p ] && shift\nexec cp -p "$1" "../$(basename "$2" :)/"\n',
};

/** A service of a host: the lines it has printed since the test began. */
class Service {
  readonly #journal: string[] = [];
  #waiting: (() => void)[] = [];
  #running: ChildProcess | null = null;
  #mark = 0;

  start(child: ChildProcess): void {
    this.#running = child;
    this.mark();
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.#journal.push(textOf(line));
      this.#look();
    });
  }

  #look(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#running;
    this.#running = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }

  /** What was printed before is not waited for any more. */
  mark(): void {
    this.#mark = this.#journal.length;
  }

  /** All that was printed. */
  get journal(): string {
    return this.#journal.join('\n');
  }

  /** Whether such a line comes within this time. */
  async printed(text: string, withinMs: number): Promise<boolean> {
    const late = AbortSignal.timeout(withinMs);
    late.onabort = () => this.#look();
    const isThere = () => this.#journal.slice(this.#mark).some((line) => line.startsWith(text));
    while (!isThere() && !late.aborted) {
      await new Promise<void>((look) => {
        this.#waiting.push(look);
      });
    }
    return isThere();
  }
}

/** What a line of a log says to people; others are as they are. */
function textOf(line: string): string {
  if (!line.startsWith('{')) return line;
  const { msg } = JSON.parse(line) as { msg?: string };
  return msg ?? line;
}

/** What a command came to. */
export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

/** The hosts of a page. */
export class Hosts {
  readonly lab: Lab;
  readonly #folder: string;
  readonly #serve: readonly string[];
  readonly #services: readonly Service[];

  private constructor(lab: Lab, folder: string, serve: readonly string[]) {
    this.lab = lab;
    this.#folder = folder;
    this.#serve = serve;
    this.#services = lab.hosts.map(() => new Service());
  }

  /** @param serve words of the command that the service runs */
  static async make(
    context: TestContext,
    serve: readonly string[],
    planes: readonly string[],
  ): Promise<Hosts> {
    const lab = await createLab({ hosts: 3, planes });
    const folder = mkdtempSync(join(tmpdir(), 'backplane-docs-'));
    context.after(async () => {
      await lab.close();
      rmSync(folder, { recursive: true });
    });
    mkdirSync(join(folder, 'bin'));
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(folder, 'bin', name), text, { mode: 0o755 });
    }
    for (const { name } of lab.hosts) mkdirSync(join(folder, name));
    return new Hosts(lab, folder, serve);
  }

  /** A file in the folder of a host. */
  path(host: number, name: string): string {
    return join(this.#folder, `host${host}`, name);
  }

  /** Runs one line of a shell. */
  async run(host: number, command: string): Promise<Ran> {
    const [, verb] = /^systemctl (start|stop|restart) backplane$/.exec(command) ?? [];
    if (verb !== undefined) {
      if (verb !== 'start') await this.#service(host).end('SIGTERM');
      if (verb !== 'stop') this.#service(host).start(this.#spawn(host, this.#serve));
      return { status: 0, output: '' };
    }
    const child = this.#spawn(host, ['sh', '-c', command]);
    let output = '';
    child.stdout?.on('data', (piece: Buffer) => {
      output += piece.toString();
    });
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, output };
  }

  /** Whether the service of a host prints such a line, or has printed it since the last mark. */
  printed(host: number, text: string, withinMs: number): Promise<boolean> {
    return this.#service(host).printed(text, withinMs);
  }

  /** All that the services have printed, host by host. */
  journals(): string {
    return this.#services.map(({ journal }, index) => `host${index + 1}:\n${journal}`).join('\n');
  }

  mark(): void {
    for (const service of this.#services) service.mark();
  }

  /** Makes happen what the page says. */
  async happens(what: string): Promise<void> {
    if (what === 'the network is whole again') {
      this.lab.heal();
      return;
    }
    const [, plane] = /^plane (.*) fails$/.exec(what) ?? [];
    if (plane !== undefined) {
      this.lab.cut('switch', plane);
      return;
    }
    const [, digit, event = ''] = /^host(\d) (.*)$/.exec(what) ?? [];
    const host = Number(digit);
    switch (event) {
      case 'is cut off':
        for (const plane of this.lab.planes) this.lab.cut('blackhole', plane, host);
        return;
      case 'loses power':
        return this.#service(host).end('SIGKILL');
      case 'loses its disk':
        await this.#service(host).end('SIGKILL');
        rmSync(this.path(host, 'store'), { recursive: true });
        return;
      case 'loses power, and a page of its store':
        await this.#service(host).end('SIGKILL');
        this.#spoil(this.path(host, 'store/config.mdb'));
        return;
      default:
        throw new Error(`nobody knows how this happens: ${what}`);
    }
  }

  /** Some pages after the heads: of so many, some are in use. */
  #spoil(file: string): void {
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0xff, 2 * PAGE_BYTES, 12 * PAGE_BYTES));
  }

  #service(host: number): Service {
    return this.#services[host - 1] as Service;
  }

  /** Standard error is put where standard output goes. */
  #spawn(host: number, words: readonly string[]): ChildProcess {
    const named = ['unshare', '--uts', 'sh', '-ec', 'hostname "$0"; exec "$@" 2>&1', `host${host}`];
    const path = [join(this.#folder, 'bin'), process.env['PATH']].join(delimiter);
    return this.lab.host(host).spawn([...named, ...words], {
      cwd: this.path(host, '.'),
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PATH: path },
    });
  }
}
