/** What the commands that run a node log besides its events. */
import { BackplaneError, type ClusterNode, type Logger } from '../index.js';
import type { Alarm, AlarmWatch, LogLevel } from '../observe/index.js';

/** Links stay up, and the keys from before hold where the file cannot be used. */
export async function reloadKeys(node: ClusterNode, logger: Logger): Promise<void> {
  const told = () => ({ node: node.name, keys: node.keyIds });
  try {
    await node.reloadKeys();
    logger.info({ event: 'keys', ...told() }, 'the keys were read again');
  } catch (err) {
    if (!(err instanceof BackplaneError)) throw err;
    logger.error({ event: 'keysKept', ...told(), err }, 'the keys from before hold');
  }
}

/** Alarms are lines of the log, too. */
export function logAlarms(node: ClusterNode, alarms: AlarmWatch, logger: Logger): void {
  const tell = (level: LogLevel, event: string, alarm: Alarm) => {
    const { code, object, plane, text } = alarm;
    const where = plane === null ? object : `${object}, plane ${plane}`;
    logger[level]({ event, node: node.name, ...alarm }, `${event} ${code}, ${where}: ${text}`);
  };
  alarms.on('raise', (alarm) => {
    const isBad = alarm.severity === 'critical' || alarm.severity === 'major';
    tell(isBad ? 'error' : 'warn', 'alarm', alarm);
  });
  alarms.on('clear', (alarm) => tell('info', 'alarmCleared', alarm));
}
