/** What happens to the configuration, for the log of `serve`. */
import type { Config } from '../cluster.js';
import type { Logger } from '../index.js';

/** One line for each change of state that people have to know. */
export function logConfig(config: Config, logger: Logger): void {
  const { name: node } = config;
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
    const text = `the configuration and ${name}: ${code}`;
    logger.error({ event: 'configTrouble', node, peer: name, code }, text);
  });
}
