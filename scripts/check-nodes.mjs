/**
 * Usage: npm run check:nodes -- [--json]
 *
 * Tries the package under the oldest Node it allows and the newest of each line it was made for:
 * unit tests, `import` and `require` of every entry point, and the addons, which are Node-API and
 * so built once for all of them. Then an installed package builds its own addon, with the node-gyp
 * that npm brings. The Nodes come from npm (packages node-linux-*: the binary itself, no install
 * script) and are kept in build/nodes.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onlyOptions } from './lib/arguments.mjs';
import { npmCommand } from './lib/npm-packages.mjs';
import { filesUnder } from './lib/stamp.mjs';
import { run, say, step, tail, toolEnvironment } from './lib/tool.mjs';
import { fail, root, setup } from './setup.mjs';

onlyOptions('check:nodes', ['--json']);

const VERSIONS = ['20.19.0', '20', '22', '24'];
const ENTRIES = [
  'backplane',
  'backplane/sctp',
  'backplane/lab',
  'backplane/moleculer',
  'backplane/socket.io',
];
const FOLDER = join(root, 'build', 'nodes');
const TEST_LIMIT_MS = 10 * 60_000;

const alias = (version) => `node-${version.replaceAll('.', '-')}`;
const binary = (version) => join(FOLDER, 'node_modules', alias(version), 'bin', 'node');

async function installNodes() {
  const missing = VERSIONS.filter((version) => !existsSync(binary(version)));
  if (missing.length === 0) return;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }\n');
  const wanted = VERSIONS.map((v) => `${alias(v)}@npm:node-linux-${process.arch}@${v}`);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=warn'];
  await step(`Node ${missing.join(', ')}`, [...npmCommand(), 'install', ...flags, ...wanted], {
    cwd: FOLDER,
  });
}

/** Runs in the Node under test: the package refers to itself by name, as a user's program would. */
const LOAD = `
const { createRequire } = await import('node:module');
const { join } = await import('node:path');
const require = createRequire(join(process.cwd(), 'consumer.cjs'));
for (const entry of ${JSON.stringify(ENTRIES)}) {
  const imported = Object.keys(await import(entry)).sort().join();
  const required = Object.keys(require(entry)).filter((n) => n !== '__esModule').sort().join();
  if (imported === '' || imported !== required) throw new Error(entry + ': not the same twice');
}
const { sctpSupport } = require('backplane/sctp');
const { engine, error } = sctpSupport();
if (engine !== 'kernel' || (error !== null && error.code !== 'ERR_NO_SCTP')) throw error;
require('./build/Release/backplane_lab.node');
const { accessSync, constants } = require('node:fs');
for (const name of ['keeper', 'guest.so']) {
  accessSync('./build/Release/backplane_' + name, constants.X_OK);
}
`;

function count(tap, name) {
  return Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? Number.NaN);
}

/** Everything about one version; `violations` are added to. */
async function tryVersion(version, violations) {
  const node = binary(version);
  const env = toolEnvironment({ PATH: `${join(node, '..')}:${process.env.PATH}` });
  const load = await run([node, '--input-type=module', '-e', LOAD], { cwd: root, env });
  if (load.code !== 0) {
    say(tail(load.output, 20));
    violations.push(`Node ${version} does not load the package`);
  }
  const tests = filesUnder(root, 'dist/test/unit').filter((file) => file.endsWith('.test.js'));
  const result = await run([node, '--test', '--test-reporter=tap', ...tests], {
    cwd: root,
    env,
    timeoutMs: TEST_LIMIT_MS,
  });
  const figures = {
    node: (await run([node, '--version'])).stdout.trim(),
    loadOk: load.code === 0,
    passed: count(result.stdout, 'pass'),
    failed: count(result.stdout, 'fail'),
    skipped: count(result.stdout, 'skipped'),
  };
  if (result.code !== 0 || !(figures.passed > 0) || figures.skipped !== 0) {
    writeFileSync(join(FOLDER, `${alias(version)}.log`), result.output);
    say(`the output is in build/nodes/${alias(version)}.log`);
    violations.push(`unit tests under Node ${version} ended with code ${result.code}`);
  }
  say(`${figures.node}: load ${figures.loadOk ? 'ok' : 'failed'}, ${figures.passed} tests passed`);
  return figures;
}

/** What a user does whose system has no prebuilt addon: the command that the error names. */
async function buildInstalled(violations) {
  const { Consumer } = await import('../dist/test/unit/rules/consumer.js');
  const consumer = new Consumer();
  try {
    const build = await run([...npmCommand(), 'run', 'build'], { cwd: consumer.installed });
    const text = `import { accessSync, constants } from 'node:fs';
      import { sctpSupport } from 'backplane/sctp';
      accessSync('node_modules/backplane/build/Release/backplane_keeper', constants.X_OK);
      process.exit(sctpSupport().engine === 'kernel' ? 0 : 1);`;
    if (build.code === 0 && consumer.program('support.mjs', text).code === 0) return true;
    say(tail(build.output, 30));
    violations.push('an installed package does not build its addon');
    return false;
  } finally {
    consumer.close();
  }
}

async function main() {
  await setup();
  await installNodes();
  const violations = [];
  const nodes = [];
  for (const version of VERSIONS) nodes.push(await tryVersion(version, violations));
  const installedBuildOk = await buildInstalled(violations);
  say(`an installed package builds its addon: ${installedBuildOk ? 'ok' : 'failed'}`);
  return { violations, nodes, installedBuildOk };
}

const figures = await main().catch((error) => {
  fail(error);
  return { violations: [error.message], nodes: [] };
});
const ok = figures.violations.length === 0;
if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify({ command: 'check:nodes', ok, ...figures })}\n`);
} else {
  console.table(figures.nodes);
  for (const violation of figures.violations) say(violation);
}
if (!ok) process.exitCode ??= 1;
