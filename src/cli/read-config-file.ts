/**
 * Reads the file of a node (see config-file.ts) as it stands. Apart from its checks, because those
 * load all of a node, and whoever only looks for the control socket has no use for one.
 */
import { dirname, resolve } from 'node:path';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { readTextFile } from '../runtime/files.js';

/** Fields of a file that nothing is known of yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value of JSON has fields. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads it, for values of the command line to be put over it.
 * @throws NodeError ERR_CONFIG: it cannot be read, is over limits.configFileBytes, or is no JSON
 *   object.
 */
export async function readConfigFile(path: string): Promise<Fields> {
  const refuse = (why: string, cause?: unknown) =>
    new NodeError('ERR_CONFIG', `${path}: ${why}`, cause === undefined ? {} : { cause });
  let text: string;
  try {
    text = await readTextFile(path, limits.configFileBytes + 1);
  } catch (cause) {
    throw refuse((cause as Error).message, cause);
  }
  if (Buffer.byteLength(text) > limits.configFileBytes) {
    throw refuse(`larger than ${limits.configFileBytes} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse((cause as Error).message, cause);
  }
  if (!isObject(value)) throw refuse('not a JSON object');
  const isPath = (name: string) => typeof value[name] === 'string' && value[name] !== '';
  const whole = ['keyFile', 'control']
    .filter(isPath)
    .map((name) => [name, resolve(dirname(path), value[name] as string)]);
  const { configuration } = value;
  const isStore = isObject(configuration) && typeof configuration['store'] === 'string';
  return {
    ...value,
    ...Object.fromEntries(whole),
    ...(isStore && configuration['store'] !== ''
      ? {
          configuration: {
            ...configuration,
            store: resolve(dirname(path), configuration['store'] as string),
          },
        }
      : {}),
  };
}
