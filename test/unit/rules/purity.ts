/** What a file may do when it is loaded, and what it may not do at all. */
import ts from 'typescript';
import { pureRooms, roomOf } from './imports.js';
import { parse, placeOf, type Source, walk } from './sources.js';

/** Globals that know the time, make timers or roll dice. */
const FORBIDDEN_GLOBALS = new Set([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'crypto',
]);

/** Members of other globals that do. */
const FORBIDDEN_MEMBERS = new Set(['Math.random', 'process.hrtime', 'process.uptime']);

/** Whether this is `new Date(...)` of something: that knows no more of the time than it is told. */
function isDateOf(node: ts.Identifier): boolean {
  const { parent } = node;
  if (node.text !== 'Date' || !ts.isNewExpression(parent)) return false;
  return parent.expression === node && (parent.arguments?.length ?? 0) > 0;
}

/** Whether an identifier is a value in use, not a name being given or a member of something. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    // A prototype tells what a value is, not what time it is.
    return parent.expression === node && parent.name.text !== 'prototype';
  }
  if (ts.isTypeNode(parent) || ts.isTypeElement(parent) || ts.isQualifiedName(parent)) return false;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false;
  const named = parent as ts.Node & { readonly name?: ts.Node };
  return named.name !== node || ts.isShorthandPropertyAssignment(parent);
}

/** Names a file gives itself (imports, parameters, variables): they hide the globals. */
function ownNames(file: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  walk(file, (node) => {
    if (ts.isImportSpecifier(node) || ts.isVariableDeclaration(node) || ts.isParameter(node)) {
      if (ts.isIdentifier(node.name)) names.add(node.name.text);
    }
  });
  return names;
}

/** Clocks, timers and randomness used past runtime in a room that must not. */
export function forbiddenGlobals(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    if (!pureRooms.includes(roomOf(source.path) ?? '')) return [];
    const file = parse(source);
    const own = ownNames(file);
    const found: string[] = [];
    walk(file, (node) => {
      if (ts.isPropertyAccessExpression(node)) {
        const member = node.getText(file).replace(/^globalThis\./, '');
        const global = node.expression.getText(file) === 'globalThis';
        if (FORBIDDEN_MEMBERS.has(member) || (global && FORBIDDEN_GLOBALS.has(member))) {
          found.push(`${placeOf(file, node)}: ${member} instead of runtime's`);
        }
      }
      if (!ts.isIdentifier(node) || own.has(node.text) || !isUse(node) || isDateOf(node)) return;
      if (FORBIDDEN_GLOBALS.has(node.text)) {
        found.push(`${placeOf(file, node)}: ${node.text} instead of runtime's`);
      }
    });
    return found;
  });
}

function isInFunction(node: ts.Node): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isFunctionLike(at) || ts.isClassStaticBlockDeclaration(at)) return true;
  }
  return false;
}

/** Awaits outside of functions: `require` of such a module fails. */
export function topLevelAwaits(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const file = parse(source);
    const found: string[] = [];
    walk(file, (node) => {
      const loop = ts.isForOfStatement(node) && node.awaitModifier !== undefined;
      const using = ts.isVariableDeclarationList(node) && /^await using\b/.test(node.getText(file));
      if ((ts.isAwaitExpression(node) || loop || using) && !isInFunction(node)) {
        found.push(`${placeOf(file, node)}: await at the top level`);
      }
    });
    return found;
  });
}
