/** Sizes, left-overs, and lists that have to agree with what they list. */
import ts from 'typescript';
import { parse, placeOf, type Source, walk } from './sources.js';

/** A file that wants to be longer is two files. */
const FILE_LINES = 500;
/** A function fits a screen. */
const FUNCTION_LINES = 70;
const COLUMNS = 100;

function lines(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

/** Files that are too long. */
export function longFiles(sources: readonly Source[]): string[] {
  return sources
    .map(({ path, text }) => ({ path, count: lines(text).length }))
    .filter(({ count }) => count > FILE_LINES)
    .map(({ path, count }) => `${path}: ${count} lines, at most ${FILE_LINES}`);
}

/** Lines that are too long. */
export function longLines(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    lines(text).flatMap((line, index) =>
      line.length > COLUMNS ? [`${path}:${index + 1}: ${line.length} columns`] : [],
    ),
  );
}

/** Functions that are too long, in TypeScript and JavaScript; a class is not a function. */
export function longFunctions(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const file = parse(source);
    const found: string[] = [];
    walk(file, (node) => {
      if (!ts.isFunctionLike(node)) return;
      const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
      const last = file.getLineAndCharacterOfPosition(node.getEnd()).line;
      const count = last - first + 1;
      if (count > FUNCTION_LINES)
        found.push(`${placeOf(file, node)}: a function of ${count} lines`);
    });
    return found;
  });
}

/** Spelled in halves, or this file would break its own rule. */
const LEFT_OVER = new RegExp(
  `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`,
);

/** Work that was put off in a comment. */
export function leftOvers(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    lines(text).flatMap((line, index) => {
      const word = LEFT_OVER.exec(line)?.[1];
      return word === undefined ? [] : [`${path}:${index + 1}: ${word}`];
    }),
  );
}

/** The functions of node:test that take options. */
const TEST_CALL = /^(test|it|describe|suite|t\.test|t)$/;

/** Tests that would not run, or would keep others from running. */
export function unrunTests(sources: readonly Source[]): string[] {
  const names = ['skip', 'only', 'todo'];
  return sources.flatMap((source) => {
    const file = parse(source);
    const found: string[] = [];
    walk(file, (node) => {
      const method = ts.isPropertyAccessExpression(node) && names.includes(node.name.text);
      const called = method && ts.isCallExpression(node.parent) && node.parent.expression === node;
      const option =
        ts.isPropertyAssignment(node) &&
        names.includes(node.name.getText(file)) &&
        ts.isCallExpression(node.parent.parent) &&
        TEST_CALL.test(node.parent.parent.expression.getText(file));
      if (called || option) found.push(`${placeOf(file, node)}: ${node.getText(file)}`);
    });
    return found;
  });
}

/** The members of the union type `name`, when they are strings. */
export function unionMembers(source: Source, name: string): string[] {
  const members: string[] = [];
  for (const statement of parse(source).statements) {
    if (!ts.isTypeAliasDeclaration(statement) || statement.name.text !== name) continue;
    walk(statement.type, (node) => {
      if (ts.isStringLiteral(node)) members.push(node.text);
    });
  }
  return members;
}

/** The keys of the object that is `export const NAME = { ... } as const`. */
export function objectKeys(source: Source, name: string): string[] {
  const keys: string[] = [];
  walk(parse(source), (node) => {
    if (!ts.isVariableDeclaration(node) || node.name.getText() !== name) return;
    walk(node, (inner) => {
      if (!ts.isPropertyAssignment(inner)) return;
      if (inner.parent.parent.parent === node || inner.parent.parent === node) {
        keys.push(inner.name.getText());
      }
    });
  });
  return keys;
}

/** Every string and every member name used in the sources. */
function wordsUsed(sources: readonly Source[]): Set<string> {
  const words = new Set<string>();
  for (const source of sources) {
    walk(parse(source), (node) => {
      if (ts.isStringLiteralLike(node)) words.add(node.text);
      if (ts.isPropertyAccessExpression(node)) words.add(node.name.text);
      if (ts.isBindingElement(node)) words.add((node.propertyName ?? node.name).getText());
    });
  }
  return words;
}

/** Names in a list that nothing in `sources` uses. */
export function unused(names: readonly string[], sources: readonly Source[]): string[] {
  const used = wordsUsed(sources);
  return names.filter((name) => !used.has(name));
}

/** Links of a Markdown file to files that are not there; `exists` takes paths from the root. */
export function brokenLinks(source: Source, exists: (path: string) => boolean): string[] {
  const folder = source.path.includes('/') ? source.path.replace(/\/[^/]*$/, '/') : '';
  return [...source.text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link) && !exists(`${folder}${link}`))
    .map((link) => `${source.path}: ${link} is not there`);
}

/** `npm run X` in a Markdown file where package.json has no X. */
export function unknownCommands(source: Source, scripts: readonly string[]): string[] {
  return [...source.text.matchAll(/\bnpm run (?:-s )?([a-z][a-z:-]*)/g)]
    .map(([, name = '']) => name)
    .filter((name) => !scripts.includes(name))
    .map((name) => `${source.path}: npm run ${name} does not exist`);
}
