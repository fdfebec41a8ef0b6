/**
 * What a client has in the place of a store: nothing. It begins empty each time, and what it is
 * given to keep is as durable at once as it will ever be.
 */
import type { Timers } from '../runtime/index.js';
import { ORIGIN } from './entry.js';
import { type ConfigStore, STORE_FORMAT, type StoreEvents } from './store-contract.js';

/** As `OpenStore`, without a disk. */
export function openNoStore(timers: Timers, events: StoreEvents, storeId: string): ConfigStore {
  let isOpen = true;
  return {
    contents: {
      format: STORE_FORMAT,
      storeId,
      base: { ...ORIGIN, record: null },
      items: [],
      log: [],
      committed: 0,
      setAside: [],
    },
    persist: ({ token }) => {
      timers.soon(() => {
        if (isOpen) events.persisted(token);
      });
    },
    close: async () => {
      isOpen = false;
    },
  };
}
