/** Waiting for an association that is being made. */
import type { Association } from './association.js';
import { notUp } from './refusals.js';

/** See `Association.whenUp`. */
export function untilUp<T extends Association>(association: T): Promise<T> {
  return new Promise((resolve, reject) => {
    if (association.state === 'up') return resolve(association);
    if (association.state !== 'connecting') return reject(notUp(association.state));
    association.once('up', () => resolve(association));
    association.once('lost', (loss) => reject(loss.error));
    association.once('close', () => reject(notUp(association.state)));
  });
}
