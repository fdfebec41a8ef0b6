/**
 * A bare Debian 12 with nothing added but Node, npm and Node's headers, and a way to run commands
 * in it.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { npmCommand, npmFolder } from './npm-packages.mjs';
import { findProgram, run, SetupError } from './tool.mjs';

const DEFAULT_REGISTRY = 'https://registry.npmjs.org/';
const PROXY_VARIABLES = [
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
];
/** Where the certificate authorities of this network, if it has its own, lie in the new root. */
const AUTHORITIES = '/usr/local/share/network-authorities.pem';

async function read(command) {
  const { code, stdout } = await run(command);
  return code === 0 ? stdout.trim() : '';
}

/**
 * Boots nothing: fills `folder` with Debian's smallest file system that has apt. Under a minute on
 * a good network.
 */
export async function installDebian(folder, onOutput) {
  const command = ['mmdebstrap', '--variant=minbase', '--mode=root', '--format=directory'];
  for (const scheme of ['http', 'https']) {
    if (findProgram('apt-config') === null) break;
    const shell = await read(['apt-config', 'shell', 'P', `Acquire::${scheme}::Proxy`]);
    const proxy = /^P='(.+)'$/.exec(shell)?.[1];
    if (proxy !== undefined) command.push(`--aptopt=Acquire::${scheme}::Proxy "${proxy}"`);
  }
  const result = await run([...command, 'bookworm', folder], { onOutput, timeoutMs: 10 * 60_000 });
  if (result.code !== 0) throw new SetupError(`mmdebstrap ended with code ${result.code}`);
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
    // A link there would lead out of the new root.
    rmSync(join(folder, file), { force: true });
    if (existsSync(file)) copyFileSync(file, join(folder, file));
  }
}

/**
 * Copies the running Node, its npm and its headers to /usr/local, and nothing of npm's
 * configuration.
 * @throws SetupError where one of them is not where Node's own distribution has it.
 */
export function installNode(folder) {
  const prefix = dirname(dirname(process.execPath));
  const parts = [
    [process.execPath, 'bin/node'],
    [npmFolder(), 'lib/node_modules/npm'],
    [join(prefix, 'include', 'node'), 'include/node'],
  ];
  for (const [from, to] of parts) {
    if (!existsSync(from)) throw new SetupError(`${from} is missing; it has to be copied`);
    const target = join(folder, 'usr/local', to);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(from, target, { recursive: true, dereference: true });
  }
  rmSync(join(folder, 'usr/local/lib/node_modules/npm/npmrc'), { force: true });
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(folder, 'usr/local/bin', name));
  }
}

/**
 * What the network of this machine needs of its users: proxies, another registry, its own
 * certificate authorities (their file is copied in). Empty on an ordinary network.
 * @returns {Promise<Record<string, string>>} environment variables
 */
export async function carryNetwork(folder) {
  const variables = {};
  for (const name of PROXY_VARIABLES) {
    if (process.env[name] !== undefined) variables[name] = process.env[name];
  }
  const npmSetting = (name) => read([...npmCommand(), 'config', 'get', name]);
  const registry = await npmSetting('registry');
  if (registry !== '' && registry !== DEFAULT_REGISTRY) variables.npm_config_registry = registry;
  const cafile = process.env.NODE_EXTRA_CA_CERTS ?? (await npmSetting('cafile'));
  if (existsSync(cafile)) {
    copyFileSync(cafile, join(folder, AUTHORITIES));
    variables.NODE_EXTRA_CA_CERTS = AUTHORITIES;
  }
  return variables;
}

/**
 * The first process of the new PID namespace: mounts what a system has, runs the command in the new
 * root, and stays to reap orphans, as an init does. Its namespaces end with it: no mount and no
 * process outlives the command.
 */
const INIT = `
set -e
root=$1; shift
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
set +e
chroot "$root" "$@"
exit $?
`;

/**
 * Runs `command` as root in `folder`/`cwd`, with PATH, HOME, LANG and `variables` as its whole
 * environment.
 * @returns what `run` of tool.mjs returns
 */
export function runInside(folder, cwd, variables, command, options) {
  const environment = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    ...variables,
  };
  const enter = ['/bin/sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', cwd, ...command];
  const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child=SIGKILL'];
  return run([...namespaces, '/bin/sh', '-c', INIT, 'sh', folder, ...enter], {
    ...options,
    env: environment,
    // Only this signal ends the init of a PID namespace, and with it everything inside.
    stopWith: 'SIGKILL',
  });
}
