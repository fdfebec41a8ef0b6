/**
 * The program in a guest whose power will be cut. The module that is to take the place of another
 * is there before anything is loaded that could load that.
 */
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import type { PowerSetup } from './power-protocol.js';

const setup = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as PowerSetup;
if (setup.overlay !== null) {
  register('../sim/overlay.js', import.meta.url, { data: setup.overlay });
}
const { run } = await import('./power-masters.js');
await run(setup);
