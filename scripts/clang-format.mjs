/**
 * Usage: node scripts/clang-format.mjs --check | --write
 *
 * Holds the C and C++ sources to .clang-format. The tool is Debian's package clang-format (14 in
 * Debian 12); other versions break some lines elsewhere, so this is a matter of `npm run lint`, not
 * of the tests.
 */
import { filesUnder } from './lib/stamp.mjs';
import { EXIT_UNAVAILABLE, findProgram, run, say } from './lib/tool.mjs';
import { root } from './setup.mjs';

const FOLDERS = ['addon', 'bench', 'test'];
const write = process.argv.includes('--write');
const files = FOLDERS.flatMap((folder) => filesUnder(root, folder)).filter((file) =>
  /\.(c|cc|h)$/.test(file),
);

if (findProgram('clang-format') === null) {
  say('clang-format is missing: sudo apt-get install -y --no-install-recommends clang-format');
  process.exitCode = EXIT_UNAVAILABLE;
} else {
  const mode = write ? ['-i'] : ['--dry-run', '--Werror'];
  const { code, output } = await run(['clang-format', ...mode, ...files], { cwd: root });
  process.stderr.write(output);
  say(`clang-format: ${files.length} files ${code === 0 ? 'in order' : 'looked at, see above'}`);
  process.exitCode = code === 0 ? 0 : 1;
}
