/**
 * Usage: node scripts/run.mjs ENTRY ARGS...
 *
 * Makes the checkout ready, then runs ENTRY in this process: signals, standard streams and the exit
 * code are the program's own, without anybody between.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, root, setup } from './setup.mjs';

const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) {
  process.stderr.write('usage: node scripts/run.mjs ENTRY ARGS...\n');
  process.exit(2);
}

const ready = await setup().then(
  () => true,
  (error) => {
    fail(error);
    // Programs read the last line of standard output, also when the command could not begin.
    if (args.includes('--json')) {
      const command = process.env.npm_lifecycle_event ?? entry;
      const violations = [`the set-up failed: ${error.message}`];
      process.stdout.write(`${JSON.stringify({ command, ok: false, violations })}\n`);
    }
    return false;
  },
);
if (ready) {
  const path = resolve(root, entry);
  process.argv = [process.argv[0], path, ...args];
  await import(pathToFileURL(path).href);
}
