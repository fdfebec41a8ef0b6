/** Which way the doors open: every import of the package, and the rules they have to keep. */
import { posix } from 'node:path';
import ts from 'typescript';
import { parse, placeOf, type Source, walk } from './sources.js';

/**
 * The rooms of src and what each may import from. A file in src itself is a room of its own. What
 * is not named is forbidden; every room may import from itself.
 */
export const allowedRooms: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  limits: [],
  runtime: ['errors', 'limits'],
  timing: ['errors', 'limits', 'runtime'],
  wire: ['errors', 'limits', 'runtime'],
  // Must be usable alone: it loads no other room.
  sctp: ['errors', 'limits'],
  link: ['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp'],
  node: ['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link'],
  config: ['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link', 'node'],
  workers: ['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link', 'node', 'config'],
  controller: [
    ...['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link', 'node', 'config'],
    ...['index', 'workers', 'tasks', 'join'],
  ],
  join: [
    ...['errors', 'limits', 'runtime', 'timing', 'wire', 'link', 'node', 'config'],
    ...['workers', 'tasks'],
  ],
  tasks: ['errors', 'limits', 'runtime', 'timing', 'wire', 'link', 'node'],
  index: ['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link', 'node'],
  cluster: ['errors', 'config', 'controller', 'join', 'tasks', 'workers'],
  adapters: ['errors', 'limits', 'index'],
  lab: [
    ...['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link', 'node', 'index'],
    // Programs that its scenarios start; what it exports loads neither.
    ...['cluster', 'controller', 'observe', 'workers'],
  ],
  testing: ['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link', 'node', 'index'],
  observe: ['errors', 'limits', 'node'],
  cli: [
    ...['errors', 'limits', 'runtime', 'timing', 'wire', 'sctp', 'link', 'node', 'index'],
    ...['config', 'controller', 'workers', 'cluster', 'observe', 'lab'],
  ],
};

/** Modules that one file alone may import, and that file. */
export const singleImporters: Readonly<Record<string, string>> = {
  'cbor-x': 'src/wire/payload.ts',
  lmdb: 'src/config/store.ts',
  'prom-client': 'src/observe/metrics.ts',
  'ajv/dist/2020.js': 'src/config/schema.ts',
  re2js: 'src/config/pattern.ts',
  yaml: 'src/config/text.ts',
  'node:crypto': 'src/runtime/crypto.ts',
  'node:dns': 'src/runtime/dns.ts',
  'node:child_process': 'src/runtime/child-process.ts',
  'node:async_hooks': 'src/node/async-context.ts',
  'node:diagnostics_channel': 'src/node/diagnostics.ts',
};

/** The only files that may name a compiled addon. */
export const addonLoaders: readonly string[] = ['src/sctp/load-addon.ts', 'src/lab/load-native.ts'];

/** Packages each room may import. */
export const allowedPackages: Readonly<Record<string, readonly string[]>> = {
  'cbor-x': ['wire'],
  'ajv/dist/2020.js': ['config'],
  re2js: ['config'],
  yaml: ['config'],
  commander: ['cli'],
  debug: ['sctp', 'link', 'node', 'tasks', 'adapters', 'lab', 'cli'],
  lmdb: ['config'],
  moleculer: ['adapters'],
  // A comparison that is left out where it is not installed.
  piscina: ['lab'],
  'socket.io-adapter': ['adapters'],
  'prom-client': ['observe'],
};

/** Rooms that get clocks, timers, randomness and files from runtime, and from nowhere else. */
export const pureRooms: readonly string[] = [
  ...['timing', 'wire', 'link', 'node', 'config', 'controller', 'tasks', 'workers', 'join'],
];

/** Modules of Node that such a room may import: none of them knows the time or the disk. */
const PURE_MODULES = [
  'node:async_hooks',
  'node:buffer',
  'node:diagnostics_channel',
  'node:events',
  'node:net',
  'node:path',
  'node:util',
];

/** Of node:net, such a room may have what does not open a socket. */
const PURE_NAMES_OF_NET = ['BlockList', 'SocketAddress', 'isIP', 'isIPv4', 'isIPv6'];

/** Files of link that drive its machines; every other file of that room is pure. */
export const drivers: readonly string[] = [
  'src/link/link.ts',
  'src/link/exchange.ts',
  'src/link/sctp-carrier.ts',
];

/** One import, of whatever form. */
export interface Import {
  readonly from: string;
  /** As written. */
  readonly specifier: string;
  /** For a relative one, the file meant, from the project's root; else null. */
  readonly target: string | null;
  readonly names: readonly string[];
  readonly typeOnly: boolean;
  /** `path:line`. */
  readonly place: string;
}

function namesOf(clause: ts.ImportClause | undefined): string[] {
  const bindings = clause?.namedBindings;
  const names = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
  const whole = clause?.name !== undefined || (bindings && ts.isNamespaceImport(bindings));
  const listed = names.map((element) => (element.propertyName ?? element.name).text);
  return whole === true ? ['*', ...listed] : listed;
}

/** The text of a module specifier; anything that is not a plain string is returned as source. */
function specifierOf(node: ts.Node): string {
  return ts.isStringLiteralLike(node) ? node.text : `(${node.getText()})`;
}

function describe(node: ts.Node): Pick<Import, 'specifier' | 'names' | 'typeOnly'> | null {
  if (ts.isImportDeclaration(node)) {
    const typeOnly = node.importClause?.isTypeOnly === true;
    return {
      specifier: specifierOf(node.moduleSpecifier),
      names: namesOf(node.importClause),
      typeOnly,
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return {
      specifier: specifierOf(node.moduleSpecifier),
      names: ['*'],
      typeOnly: node.isTypeOnly,
    };
  }
  if (ts.isImportTypeNode(node)) {
    const literal = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
    return { specifier: specifierOf(literal), names: ['*'], typeOnly: true };
  }
  if (ts.isExternalModuleReference(node)) {
    return { specifier: specifierOf(node.expression), names: ['*'], typeOnly: false };
  }
  const [argument] = ts.isCallExpression(node) ? node.arguments : [];
  if (argument === undefined || !ts.isCallExpression(node)) return null;
  const dynamic = node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const required = ts.isIdentifier(node.expression) && node.expression.text === 'require';
  if (!dynamic && !required) return null;
  return { specifier: specifierOf(argument), names: ['*'], typeOnly: false };
}

/** Every import of a file: static, `export from`, types, dynamic, and `require`. */
export function importsOf(source: Source): Import[] {
  const file = parse(source);
  const found: Import[] = [];
  walk(file, (node) => {
    const described = describe(node);
    if (described === null) return;
    const { specifier } = described;
    const target = specifier.startsWith('.')
      ? posix.join(posix.dirname(source.path), specifier).replace(/\.js$/, '.ts')
      : null;
    found.push({ ...described, from: source.path, target, place: placeOf(file, node) });
  });
  return found;
}

/** The room a file belongs to; null outside of src. */
export function roomOf(path: string): string | null {
  const [top, second] = path.split('/');
  return top === 'src' && second !== undefined ? second.replace(/\.ts$/, '') : null;
}

/**
 * Imports against the direction of the rooms, out of src, or into a room that is not in the graph.
 */
export function wrongDoors(sources: readonly Source[]): string[] {
  const paths = new Set(sources.map(({ path }) => path));
  return sources.flatMap(importsOf).flatMap(({ from, specifier, target, place }) => {
    const room = roomOf(from) ?? '';
    const allowed = allowedRooms[room];
    if (allowed === undefined) return [`${place}: room ${room} has no place in the graph`];
    if (specifier.startsWith('(')) return [`${place}: imports what only runs will tell`];
    if (target === null) return [];
    const to = roomOf(target);
    if (to === null) return [`${place}: ${room} imports ${target}, which is outside of src`];
    if (!paths.has(target)) return [`${place}: there is no ${target}`];
    return to === room || allowed.includes(to) ? [] : [`${place}: ${room} must not import ${to}`];
  });
}

/** A module that belongs to one file, imported by another; a package that is not known here. */
export function wrongPackages(sources: readonly Source[]): string[] {
  return sources.flatMap(importsOf).flatMap(({ from, specifier, target, place }) => {
    if (target !== null || specifier.startsWith('(')) return [];
    const owner = singleImporters[specifier];
    if (owner !== undefined) {
      return from === owner ? [] : [`${place}: only ${owner} may import ${specifier}`];
    }
    if (specifier.startsWith('node:')) return [];
    const rooms = allowedPackages[specifier];
    const room = roomOf(from) ?? '';
    if (rooms === undefined) return [`${place}: unknown package ${specifier}`];
    return rooms.includes(room) ? [] : [`${place}: ${room} must not import ${specifier}`];
  });
}

/** A compiled addon named anywhere but in its loader. */
export function wrongAddonUses(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    if (addonLoaders.includes(source.path)) return [];
    const file = parse(source);
    const found: string[] = [];
    walk(file, (node) => {
      if (ts.isStringLiteralLike(node) && /\.node$/.test(node.text)) {
        found.push(`${placeOf(file, node)}: names the addon ${node.text}`);
      }
    });
    return found;
  });
}

/** A pure room that imports a module with a clock, a disk or a socket. */
export function impureImports(sources: readonly Source[]): string[] {
  return sources.flatMap(importsOf).flatMap(({ from, specifier, names, typeOnly, place }) => {
    if (!pureRooms.includes(roomOf(from) ?? '') || !specifier.startsWith('node:')) return [];
    if (!PURE_MODULES.includes(specifier)) return [`${place}: ${specifier} is not pure`];
    if (specifier !== 'node:net' || typeOnly) return [];
    const opening = names.filter((name) => !PURE_NAMES_OF_NET.includes(name));
    return opening.length === 0 ? [] : [`${place}: ${opening.join()} of node:net opens sockets`];
  });
}

/** A pure file of link that imports a driver or the SCTP room; types are no matter. */
export function impureMachines(sources: readonly Source[]): string[] {
  return sources.flatMap(importsOf).flatMap(({ from, target, typeOnly, place }) => {
    if (roomOf(from) !== 'link' || drivers.includes(from) || target === null || typeOnly) return [];
    const wrong = drivers.includes(target) || roomOf(target) === 'sctp';
    return wrong ? [`${place}: a machine must not import ${target}`] : [];
  });
}
