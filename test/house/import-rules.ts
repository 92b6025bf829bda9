import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';
import type { SourceFile } from './source-files.js';

export interface Import {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
}

/** What may be imported, read from package.json. */
export interface House {
  /** The package's own names (`handover/legacy`), each with the source file behind it (`legacy/index.ts`). */
  readonly doors: ReadonlyMap<string, string>;
  /** What an installation of the package brings or asks for: dependencies and peers. */
  readonly shippedPackages: ReadonlySet<string>;
  readonly developmentPackages: ReadonlySet<string>;
}

export interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const roots = ['src', 'legacy', 'adapters', 'examples', 'bench', 'test', 'scripts'];
const corePackages = [
  'eventemitter3',
  'uuid',
  '@standard-schema/spec',
  'reflect-metadata',
  'fastest-levenshtein',
];
const unshippedAdapters = ['embedded-postgres'];

export function houseOf(manifest: Manifest): House {
  const doors = Object.entries(manifest.exports)
    .filter(([, target]) => target.endsWith('.js'))
    .map(([name, target]) => [
      posix.join(manifest.name, name),
      target.replace('./dist/', '').replace(/\.js$/, '.ts'),
    ]);
  return {
    doors: new Map(doors as [string, string][]),
    shippedPackages: new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })),
    developmentPackages: new Set(Object.keys(manifest.devDependencies)),
  };
}

/** Imports, re-exports, `import()`, `require()` and import types. Augmentations (`declare module`) are no imports. */
export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(specifier.getStart());
      imports.push({ file: path, line: line + 1, specifier: specifier.text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return imports;
}

function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  const specifier = specifierNode(node);
  return specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier : undefined;
}

function specifierNode(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExternalModuleReference(node)) return node.expression;
  if (ts.isImportTypeNode(node))
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  if (ts.isCallExpression(node) && isLoader(node.expression)) return node.arguments[0];
  return undefined;
}

function isLoader(called: ts.Node): boolean {
  return (
    called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require')
  );
}

/** The broken rule, said in words; undefined when the import is allowed. */
export function breachOf({ file, specifier }: Import, house: House): string | undefined {
  const from = placeOf(file);
  if (specifier.startsWith('.')) return pathBreach(from, posix.join(posix.dirname(file), specifier), house);
  const door = house.doors.get(specifier);
  if (door === undefined) return packageBreach(from, specifier, house);
  if (isProduct(from)) return 'inside the package, import by path';
  return pathBreach(from, door, house);
}

interface Place {
  readonly root: string;
  /** The folder below `adapters`; empty elsewhere. */
  readonly adapter: string;
}

function placeOf(file: string): Place {
  const [root = '', folder = ''] = file.split('/');
  return { root, adapter: root === 'adapters' ? folder : '' };
}

/** The command line puts together what an application made of all roots. */
function isCompositionRoot({ adapter }: Place): boolean {
  return adapter === 'cli';
}

function isProduct({ root }: Place): boolean {
  return root === 'src' || root === 'legacy' || root === 'adapters';
}

function pathBreach(from: Place, target: string, { doors }: House): string | undefined {
  const to = placeOf(target);
  if (to.root === from.root && to.adapter === from.adapter) return undefined;
  if (from.root === 'test') return undefined;
  if (!roots.includes(to.root)) return `${target} is outside every root`;
  if (from.root === 'src') return 'src points nowhere';
  if (to.root === 'test') return 'only tests know tests';
  if (from.root === 'adapters' && to.root === 'adapters') return 'adapters never meet';
  const source = target.replace(/\.js$/, '.ts');
  if (from.root === 'adapters' && to.root === 'legacy') {
    const mayKnow = isCompositionRoot(from) && source === 'legacy/index.ts';
    return mayKnow ? undefined : 'adapters outlive legacy';
  }
  if (isProduct(from)) return source === 'src/index.ts' ? undefined : 'src/index.js is the only door to src';
  if (!isProduct(to)) return 'examples, benchmarks and scripts stand alone';
  const isDoor = [...doors.values()].includes(source) || /^adapters\/[^/]+\/index\.ts$/.test(source);
  return isDoor ? undefined : 'from outside a root, its door is the only way in';
}

function packageBreach(from: Place, specifier: string, house: House): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  if (builtinModules.includes(specifier)) return 'modules of Node are imported as node:…';
  const name = packageName(specifier);
  if (from.root === 'src' || from.root === 'legacy') {
    return corePackages.includes(name)
      ? undefined
      : `${from.root} knows no package but ${corePackages.join(', ')}`;
  }
  if (house.shippedPackages.has(name)) return undefined;
  const isShipped = from.root === 'adapters' && !unshippedAdapters.includes(from.adapter);
  if (isShipped) return `${name} is neither a dependency nor a peer of the package`;
  return house.developmentPackages.has(name) ? undefined : `${name} is not in package.json`;
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
