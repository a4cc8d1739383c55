import { readFileSync } from 'node:fs';

/** What tests look at in a document: its headings, links, tables and words in backquotes. */
export interface Document {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** One row of a table: its cells by the titles of their columns. */
export type Row = Readonly<Record<string, string>>;

const FENCE = /^```[\s\S]*?^```/gm;
const HEADING = /^(#{1,6}) (.+)$/gm;

/** Reads a document; `path` is relative to the root of the repository. */
export function readDocument(path: string): Document {
  return { path, text: readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8') };
}

/** The anchors that a link can lead to, as GitHub makes them of headings. */
export function anchorsOf({ text }: Document): readonly string[] {
  const seen = new Map<string, number>();
  return [...prose(text).matchAll(HEADING)].map(([, , title = '']) => {
    const slug = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

/** Where its links lead, as they are written; those to other places of the web are left out. */
export function linksOf({ text }: Document): readonly string[] {
  const links = [
    ...prose(text)
      .replaceAll(/`[^`]*`/g, '')
      .matchAll(/\]\(([^()\s]+)\)/g),
  ];
  return links.map(([, to = '']) => to).filter((to) => !/^[a-z]+:/.test(to));
}

/** What stands under a heading, up to the next one of its kind or above. Throws when there is no such heading. */
export function sectionOf({ path, text }: Document, title: string): Document {
  const headings = [...text.matchAll(HEADING)];
  const at = headings.findIndex(([, , own]) => own === title);
  const [, level = ''] = headings[at] ?? [];
  if (at < 0) throw new Error(`${path} has no heading '${title}'`);
  const next = headings.slice(at + 1).find(([, own = '']) => own.length <= level.length);
  return { path, text: text.slice(headings[at]?.index, next?.index) };
}

/** The rows of all tables that have a column of that title. */
export function rowsOf({ text }: Document, column: string): readonly Row[] {
  const tables = [...prose(text).matchAll(/^\|.*\|\n\|[-|]+\|\n(?:\|.*\|\n?)+/gm)].map(([table]) => table);
  return tables.flatMap((table) => {
    const [titles = [], , ...rows] = table.trim().split('\n').map(cellsOf);
    if (!titles.includes(column)) return [];
    return rows.map((cells) => Object.fromEntries(titles.map((title, i) => [title, cells[i] ?? ''])));
  });
}

/** What stands in backquotes, outside of blocks of code. */
export function quotedIn(text: string): readonly string[] {
  return [...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, quoted = '']) => quoted);
}

function prose(text: string): string {
  return text.replaceAll(FENCE, '');
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}
