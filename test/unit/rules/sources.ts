/** What the rules look at: the project's files, as text and as syntax trees. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** One file; `path` is from the project's root, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** The project's root: the nearest folder above that has a package.json. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  return readdirSync(folder).includes('package.json') ? folder : findRoot(dirname(folder));
}

/** All files under the folders (or the files) `places` whose path matches `pattern`, sorted. */
export function readSources(places: readonly string[], pattern: RegExp): Source[] {
  const paths = places.flatMap((place) => listFiles(place)).filter((path) => pattern.test(path));
  return paths
    .sort()
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), 'utf8') }));
}

function listFiles(place: string): string[] {
  const whole = join(projectRoot, place);
  const entries = readdirSync(dirname(whole), { withFileTypes: true });
  const entry = entries.find(({ name }) => join(dirname(whole), name) === whole);
  if (entry === undefined) return [];
  if (!entry.isDirectory()) return [place];
  return readdirSync(whole).flatMap((name) => listFiles(`${place}/${name}`));
}

/** The TypeScript of the package itself. */
export function packageSources(): Source[] {
  return readSources(['src'], /\.ts$/);
}

/** The syntax tree of a TypeScript or JavaScript file, with parents. */
export function parse(source: Source): ts.SourceFile {
  return ts.createSourceFile(source.path, source.text, ts.ScriptTarget.ESNext, true);
}

/** Calls `visit` for a node and everything below it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** `path:line` of a node, for violations. */
export function placeOf(file: ts.SourceFile, node: ts.Node): string {
  const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
  return `${file.fileName}:${line + 1}`;
}

/** Fails with one violation a line; a comparison of lists would cut a long one. */
export function none(violations: readonly string[]): void {
  assert.ok(violations.length === 0, `\n${violations.join('\n')}`);
}
