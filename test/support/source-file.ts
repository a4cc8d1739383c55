import { type Node, parseSync } from 'oxc-parser';

export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** `type` leaves nothing in the emitted code; `dynamic` is loaded only when it is reached. */
  readonly kind: 'type' | 'static' | 'dynamic';
}

/** What one source file imports and uses, as far as the rules of the architecture ask. */
export interface SourceFile {
  readonly path: string;
  readonly imports: readonly Import[];
  /**
   * Names that its code refers to: `setTimeout`, members as `Date.now`, and the constructs `new Date()`, `enum {}`, `namespace {}` and
   * `export default`. Types, comments, strings and the names of members and methods are not in it.
   */
  readonly uses: ReadonlySet<string>;
  /** Whether it does nothing but export what others declare. */
  readonly onlyReExports: boolean;
}

/** Reads a source; throws when it is not TypeScript. */
export function readSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  const imports: Import[] = [];
  const uses = new Set<string>();
  collectImports(program, imports);
  collectUses(program, undefined, uses);
  const onlyReExports =
    program.body.length > 0 &&
    program.body.every(
      (one) => one.type === 'ExportAllDeclaration' || (one.type === 'ExportNamedDeclaration' && one.source !== null),
    );
  return { path, imports, uses, onlyReExports };
}

function collectImports(node: Node, imports: Import[]): void {
  if (node.type === 'ImportDeclaration') {
    imports.push({ specifier: node.source.value, kind: node.importKind === 'type' ? 'type' : 'static' });
  } else if (node.type === 'ExportAllDeclaration') {
    imports.push({ specifier: node.source.value, kind: node.exportKind === 'type' ? 'type' : 'static' });
  } else if (node.type === 'ExportNamedDeclaration' && node.source !== null) {
    imports.push({ specifier: node.source.value, kind: node.exportKind === 'type' ? 'type' : 'static' });
  } else if (node.type === 'ImportExpression') {
    const { source } = node;
    const fixed = source.type === 'Literal' && typeof source.value === 'string';
    imports.push({ specifier: fixed ? String(source.value) : '(computed)', kind: 'dynamic' });
  } else if (node.type === 'TSImportType') {
    imports.push({ specifier: node.source.value, kind: 'type' });
  }
  for (const [, child] of childrenOf(node)) collectImports(child, imports);
}

/** Parts of a node that hold types, or names that refer to nothing. */
const TYPES = new Set([
  'typeAnnotation',
  'typeArguments',
  'typeParameters',
  'superTypeArguments',
  'returnType',
  'implements',
]);

function collectUses(node: Node, parent: Node | undefined, uses: Set<string>): void {
  switch (node.type) {
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return;
    case 'TSEnumDeclaration':
      uses.add('enum {}');
      break;
    case 'TSModuleDeclaration':
      uses.add('namespace {}');
      break;
    case 'ExportDefaultDeclaration':
      uses.add('export default');
      break;
    case 'ExportSpecifier':
      if (node.exported.type === 'Identifier' && node.exported.name === 'default') uses.add('export default');
      break;
    case 'NewExpression':
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0)
        uses.add('new Date()');
      break;
    case 'CallExpression':
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date') uses.add('new Date()');
      break;
    case 'MemberExpression': {
      const name = dottedName(node);
      if (name !== undefined) uses.add(name);
      break;
    }
    case 'VariableDeclarator':
      // `const { now } = Date` is `Date.now` by another road.
      if (node.id.type === 'ObjectPattern' && node.init?.type === 'Identifier') {
        for (const property of node.id.properties)
          if (property.type === 'Property' && property.key.type === 'Identifier')
            uses.add(`${node.init.name}.${property.key.name}`);
      }
      break;
    case 'Identifier':
      if (!onlyNames(node, parent)) uses.add(node.name);
      break;
  }
  for (const [key, child] of childrenOf(node)) if (!TYPES.has(key)) collectUses(child, node, uses);
}

/** `Date.now` for `Date.now`, `Date['now']` and `globalThis.Date.now`; nothing for a member of what has no name. */
function dottedName(node: Node): string | undefined {
  if (node.type === 'Identifier') return node.name;
  if (node.type !== 'MemberExpression') return undefined;
  const object = dottedName(node.object);
  const member = memberName(node);
  if (object === undefined || member === undefined) return undefined;
  return object === 'globalThis' ? member : `${object}.${member}`;
}

function memberName(node: Node & { type: 'MemberExpression' }): string | undefined {
  if (!node.computed) return node.property.type === 'Identifier' ? node.property.name : undefined;
  return node.property.type === 'Literal' ? String(node.property.value) : undefined;
}

/** Whether an identifier only names a member, so that it refers to nothing of that name outside. */
function onlyNames(node: Node, parent: Node | undefined): boolean {
  switch (parent?.type) {
    case 'MemberExpression':
      return parent.property === node && !parent.computed;
    case 'Property':
      return parent.key === node && !parent.computed && !parent.shorthand;
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'AccessorProperty':
      return parent.key === node && !parent.computed;
    default:
      return false;
  }
}

function* childrenOf(node: Node): Generator<[key: string, child: Node]> {
  for (const [key, value] of Object.entries(node)) {
    if (key === 'parent') continue;
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield [key, child];
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
