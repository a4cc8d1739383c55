import { readFileSync } from 'node:fs';
import { type Node, parseSync } from 'oxc-parser';

/** A field of an interface, with the texts that it can be. */
export interface Member {
  readonly name: string;
  /** Such as `connected` and `lost` of `state: 'connected' | 'lost'`, however deep they stand. */
  readonly texts: readonly string[];
  /** Fields of the objects that it can be. */
  readonly members: readonly Member[];
}

/**
 * The fields of a type that a source declares, in their order: of an interface its own, of another type those of the objects that are
 * written in it. `path` is relative to the root. Throws when there is no such type.
 */
export function membersOf(path: string, type: string): readonly Member[] {
  const { program } = parseSync(path, readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
  for (const node of program.body) {
    const declared = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
    if (declared?.type === 'TSInterfaceDeclaration' && declared.id.name === type) return fieldsIn(declared.body);
    if (declared?.type === 'TSTypeAliasDeclaration' && declared.id.name === type)
      return fieldsIn(declared.typeAnnotation);
  }
  throw new Error(`${path} declares no type '${type}'`);
}

/** The fields of the outermost objects in a node. */
function fieldsIn(node: Node): readonly Member[] {
  if (node.type !== 'TSPropertySignature') return childrenOf(node).flatMap(fieldsIn);
  const name = node.key.type === 'Identifier' ? node.key.name : '';
  const type = node.typeAnnotation;
  return [{ name, texts: type ? textsIn(type) : [], members: type ? fieldsIn(type) : [] }];
}

function textsIn(node: Node): readonly string[] {
  if (node.type === 'Literal' && typeof node.value === 'string') return [node.value];
  return childrenOf(node).flatMap(textsIn);
}

function childrenOf(node: Node): readonly Node[] {
  return Object.entries(node).flatMap(([key, value]) =>
    key === 'parent' ? [] : (Array.isArray(value) ? value : [value]).filter(isNode),
  );
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
