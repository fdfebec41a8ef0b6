/**
 * Reads the host file as it stands. Apart from its checks, because those load all of a node, and
 * whoever only looks for the control socket has no use for one.
 */
import { dirname, join, resolve } from 'node:path';
import { type ReadYaml, readYaml } from '../config/text.js';
import { ControllerError } from '../errors.js';
import { limits } from '../limits.js';
import { packagePath, readTextFile } from '../runtime/files.js';

/** Where it is, unless told otherwise. */
export const HOST_FILE = '/etc/backplane/host.yaml';

/** Folder for what does not outlive a boot. */
export const DEFAULT_RUN = '/run/backplane';

const SOCKET = 'control.sock';

/**
 * Reads the file; nothing in it is checked.
 * @throws (rejects) ControllerError ERR_HOST_FILE.
 */
export async function readHostYaml(file: string): Promise<ReadYaml> {
  const most = limits.configFileBytes;
  try {
    const text = await readTextFile(file, most + 1);
    if (Buffer.byteLength(text) > most) throw new Error(`it has more than ${most} bytes`);
    return readYaml(text);
  } catch (cause) {
    // Below its first line, the parser shows the place with an arrow.
    const [what = ''] = (cause as Error).message.split('\n');
    throw hostFileError(`${file}: ${what.replace(/:$/, '')}`, cause);
  }
}

/**
 * Path of the control socket that a host file tells, whatever else is in it.
 * @throws (rejects) ControllerError ERR_HOST_FILE: it cannot be read.
 */
export async function controlSocketOf(path: string = HOST_FILE): Promise<string> {
  const file = resolve(path);
  const { value } = await readHostYaml(file);
  const { run } = (value ?? {}) as { readonly run?: unknown };
  return controlIn(file, typeof run === 'string' && run !== '' ? run : DEFAULT_RUN);
}

/** The control socket in a folder; a relative one begins at that of the file. */
export function controlIn(file: string, run: string): string {
  return join(resolve(dirname(file), run), SOCKET);
}

/** What is wrong with a host file; the example helps in any case. */
export function hostFileError(what: string, cause?: unknown): ControllerError {
  const way = `${packagePath('deploy/host.yaml')} has all fields, with comments`;
  return new ControllerError('ERR_HOST_FILE', `${what} (${way})`, { cause });
}
