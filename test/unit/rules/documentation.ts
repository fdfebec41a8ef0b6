/** Whether what the package offers is documented where it is declared. */
import { join } from 'node:path';
import ts from 'typescript';

/**
 * The names that the entry points export and whose declarations have no doc comment, and public
 * methods of exported classes without one.
 *
 * @param root folder the entry points are in
 * @param entries paths of entry points from `root`
 */
export function undocumented(root: string, entries: readonly string[]): string[] {
  const program = ts.createProgram(
    entries.map((entry) => join(root, entry)),
    // Names and comments are all that is asked for: no library, no types of packages.
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      noLib: true,
      types: [],
    },
  );
  const checker = program.getTypeChecker();
  const found = new Set<string>();
  for (const entry of entries) {
    const file = program.getSourceFile(join(root, entry));
    const symbol = file && checker.getSymbolAtLocation(file);
    if (symbol === undefined) throw new Error(`${entry} exports nothing`);
    for (const exported of checker.getExportsOfModule(symbol)) {
      const alias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const original = alias ? checker.getAliasedSymbol(exported) : exported;
      for (const declaration of original.declarations ?? []) {
        for (const name of undocumentedNames(exported.name, declaration)) found.add(name);
      }
    }
  }
  return [...found].sort();
}

function hasComment(node: ts.Node): boolean {
  return ts.getJSDocCommentsAndTags(node).length > 0;
}

function undocumentedNames(name: string, declaration: ts.Declaration): string[] {
  const names = hasComment(declaration) ? [] : [name];
  if (!ts.isClassDeclaration(declaration)) return names;
  const hidden = ts.ModifierFlags.NonPublicAccessibilityModifier | ts.ModifierFlags.Override;
  for (const member of declaration.members) {
    if (!ts.isMethodDeclaration(member) || ts.isPrivateIdentifier(member.name)) continue;
    // An implementation of overloads has its comments at the overloads.
    if ((ts.getCombinedModifierFlags(member) & hidden) !== 0 || hasComment(member)) continue;
    names.push(`${name}.${member.name.getText()}`);
  }
  return names;
}
