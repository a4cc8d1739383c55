/** An element of an XML document. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Element[];
  text: string;
}

const PART = /<(?<end>\/)?(?<name>[a-z]+)(?<attributes>(?:\s+[\w:-]+="[^"<&]*")*)\s*(?<empty>\/)?>|(?<text>[^<&]+)/y;

/** All elements of an XML document without entities, in the order in which they begin; throws when it is not well formed. */
export function parsed(xml: string): readonly Element[] {
  const all: Element[] = [];
  const open: Element[] = [];
  let at = 0;
  while (at < xml.length) {
    PART.lastIndex = at;
    const part = PART.exec(xml);
    const { end, name, attributes = '', empty, text } = part?.groups ?? {};
    const parent = open.at(-1);
    if (part === null) throw new Error(`this is not well formed: ${xml.slice(at, at + 60)}`);
    if (text !== undefined) {
      if (parent !== undefined) parent.text += text;
      else if (text.trim() !== '') throw new Error(`there is text outside of all elements: ${text}`);
    } else if (end !== undefined) {
      if (parent?.name !== name) throw new Error(`</${name}> ends <${parent?.name}>`);
      open.pop();
    } else if (name !== undefined) {
      if (parent === undefined && all.length > 0) throw new Error(`<${name}> is a second root`);
      const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(
        ([, key = '', value = '']) => [key, value] as const,
      );
      const element: Element = { name, attributes: new Map(pairs), children: [], text: '' };
      if (element.attributes.size < pairs.length) throw new Error(`<${name}> has an attribute twice: ${attributes}`);
      parent?.children.push(element);
      all.push(element);
      if (empty === undefined) open.push(element);
    }
    at = PART.lastIndex;
  }
  if (open.length > 0 || all.length === 0) throw new Error(`<${open.at(-1)?.name}> has no end`);
  return all;
}
