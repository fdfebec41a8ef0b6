/** What happens to the configuration, for the log of `serve`. */
import type { Config } from '../cluster.js';
import type { Logger } from '../index.js';

/** What an operator does about a peer that cannot take part. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  ERR_LINEAGE:
    'it is of another cluster, or was forced apart. Nothing is exchanged: decide which side ' +
    'stays, and move the store of the other away',
  ERR_DIVERGED: 'one of the two stores is damaged: leave its master behind by force, add it empty',
  ERR_STORE: 'its store takes nothing more: see the log there',
};

/** One line for each change of state that people have to know; `store` is its folder or null. */
export function logConfig(config: Config, store: string | null, logger: Logger): void {
  const { name: node } = config;
  const { role } = config.status;
  const where = store === null ? 'without a store' : `in ${store}`;
  logger.info({ event: 'configOpened', node, role }, `the configuration: ${role} here, ${where}`);
  let known = new Set<string>();
  const tellNewcomers = ({ newcomers }: Pick<Config['status'], 'newcomers'>) => {
    for (const peer of newcomers.filter((name) => !known.has(name))) {
      const text = `${peer} is a newcomer to the configuration: its store is empty`;
      logger.info({ event: 'configNewcomer', node, peer }, text);
    }
    known = new Set(newcomers);
  };
  config.on('status', tellNewcomers);
  // One that was met while the store was opened was there before anybody listened.
  tellNewcomers(config.status);
  config.on('role', ({ role, before }) => {
    logger.info({ event: 'configRole', node, role, before }, `the configuration: ${role} here`);
  });
  config.on('readable', ({ lineage, revision }) => {
    const text = `the configuration is read from revision ${revision} on`;
    logger.info({ event: 'configReadable', node, lineage, revision }, text);
  });
  config.on('replaced', () => {
    const text = 'a snapshot took the place of the configuration here';
    logger.warn({ event: 'configReplaced', node }, text);
  });
  config.on('epoch', ({ lineage, epoch, masters, cause }) => {
    const names = masters.map(({ name }) => name);
    const text = `the configuration: epoch ${epoch} of ${names.join(', ')}`;
    const fields = { event: 'configEpoch', node, lineage, epoch, masters: names };
    const why = { cause: cause.kind, by: cause.by };
    logger.info({ ...fields, ...why }, `${text}, ${why.cause} by ${why.by}`);
  });
  config.on('writable', () => {
    logger.info({ event: 'configWritable', node }, 'the configuration takes writes');
  });
  config.on('degraded', ({ missing }) => {
    const text = `the configuration takes no writes: ${missing.join(', ') || 'see masters list'}`;
    logger.warn({ event: 'configDegraded', node, missing }, text);
  });
  config.on('down', () => {
    const text = 'DOWN: no master of the configuration is in touch';
    logger.error({ event: 'configDown', node }, text);
  });
  config.on('up', () => {
    logger.info({ event: 'configUp', node }, 'a master of the configuration is in touch again');
  });
  config.on('trouble', ({ name, code }) => {
    const fields = { event: 'configTrouble', node, peer: name, code };
    const { storeMessage } = config.status;
    if (name === node && storeMessage !== null) {
      return logger.error(fields, `the store takes nothing more: ${code}: ${storeMessage}`);
    }
    const way = WAYS_OUT[code];
    const text = `the configuration and ${name}: ${code}${way === undefined ? '' : `, ${way}`}`;
    logger.error(fields, text);
  });
}
