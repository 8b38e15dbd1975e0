/** What is reachable from the exports of a declaration file, by the names that stand in the declarations. */
import { relative } from 'node:path';
import ts from 'typescript';

/** A declaration of this package. */
export interface Reached {
  readonly declaration: ts.Declaration;
  readonly symbol: string;
  /** Whether it declares a type, and not only a value that a type asks for with `typeof`. */
  readonly isType: boolean;
  /** From dist/. */
  readonly file: string;
  /** The declaration that mentions it, or 'export'. */
  readonly from: string;
}

/** An export, with its own declarations. */
export interface Exported {
  readonly name: string;
  readonly declarations: readonly ts.Declaration[];
}

export interface Declarations {
  readonly exports: readonly Exported[];
  /** The declarations of the exports. */
  readonly exported: ReadonlySet<ts.Declaration>;
  /** Every declaration of this package that is reachable, the exported ones too. */
  readonly reached: readonly Reached[];
  /** Packages whose declarations are mentioned, with a declaration that does so. */
  readonly packages: ReadonlyMap<string, string>;
  /** Names that lead nowhere, as stripped ones do. */
  readonly unresolved: readonly string[];
}

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  strict: true,
  exactOptionalPropertyTypes: true,
  types: ['node'],
  noEmit: true,
};

/** One host for all entries: most files are read for each of them. */
const host = ts.createCompilerHost(options);
const files = new Map<string, ts.SourceFile | undefined>();
const getSourceFile = host.getSourceFile.bind(host);
host.getSourceFile = (file, language) => {
  if (!files.has(file)) files.set(file, getSourceFile(file, language));
  return files.get(file);
};

const packageOf = (file: string): string | undefined => {
  const [, path] = /.*\/node_modules\/(.*)/.exec(file) ?? [];
  return path
    ?.split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
};

const isType = (declaration: ts.Declaration): boolean =>
  ts.isInterfaceDeclaration(declaration) ||
  ts.isTypeAliasDeclaration(declaration) ||
  ts.isClassDeclaration(declaration) ||
  ts.isEnumDeclaration(declaration);

/** The names in a declaration that stand for other declarations. */
function namesIn(declaration: ts.Node): ts.Node[] {
  const names: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node)) names.push(node.typeName);
    else if (ts.isExpressionWithTypeArguments(node)) names.push(node.expression);
    else if (ts.isTypeQueryNode(node)) names.push(node.exprName);
    else if (ts.isImportTypeNode(node)) names.push(node.qualifier ?? node);
    else if (ts.isComputedPropertyName(node)) names.push(node.expression);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(declaration, visit);
  return names;
}

export function declarationsOf(entry: string): Declarations {
  const program = ts.createProgram([entry], options, host);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const root = source && checker.getSymbolAtLocation(source);
  if (!root) throw new Error(`${entry} is no module`);

  const resolved = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exports = checker.getExportsOfModule(root).map((symbol): Exported => {
    return { name: symbol.name, declarations: resolved(symbol).declarations ?? [] };
  });

  const seen = new Set<ts.Declaration>();
  const reached: Reached[] = [];
  const packages = new Map<string, string>();
  const unresolved: string[] = [];
  const placeOf = (declaration: ts.Declaration): string =>
    relative('dist', declaration.getSourceFile().fileName).replaceAll('\\', '/');

  const visit = (symbol: string, declaration: ts.Declaration, from: string): void => {
    const { fileName } = declaration.getSourceFile();
    const other = packageOf(fileName);
    if (other !== undefined) {
      if (!packages.has(other)) packages.set(other, from);
      return;
    }
    if (seen.has(declaration)) return;
    seen.add(declaration);
    reached.push({ declaration, symbol, isType: isType(declaration), file: placeOf(declaration), from });
    for (const name of namesIn(declaration)) follow(name, symbol);
  };

  const follow = (name: ts.Node, from: string): void => {
    const found = checker.getSymbolAtLocation(name);
    const symbol = found && resolved(found);
    if (!symbol?.declarations) {
      unresolved.push(`${name.getText()}, from ${from}`);
      return;
    }
    if (symbol.flags & ts.SymbolFlags.TypeParameter) return;
    // The language's own library, which packages may add to.
    const sources = symbol.declarations.map((declaration) => declaration.getSourceFile());
    if (sources.some((file) => program.isSourceFileDefaultLibrary(file))) return;
    for (const declaration of symbol.declarations) {
      if (!ts.isSourceFile(declaration)) visit(symbol.name, declaration, from);
    }
  };

  for (const { name, declarations } of exports) {
    for (const declaration of declarations) visit(name, declaration, 'export');
  }
  return {
    exports,
    exported: new Set(exports.flatMap(({ declarations }) => declarations)),
    reached,
    packages,
    unresolved,
  };
}
