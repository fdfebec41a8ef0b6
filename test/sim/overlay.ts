/** Hooks of Node's module loader that give one module another text. */
import type { InitializeHook, LoadHook } from 'node:module';
import type { Overlay } from './worker.js';

let overlay: Overlay | null = null;

export const initialize: InitializeHook<Overlay> = async (data) => {
  overlay = data;
};

export const load: LoadHook = async (url, context, nextLoad) => {
  if (overlay === null || url !== overlay.url) return nextLoad(url, context);
  return { format: 'module', source: overlay.source, shortCircuit: true };
};
