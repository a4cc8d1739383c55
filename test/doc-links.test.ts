import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { anchorsOf, type Document, linksOf } from './support/markdown.ts';

const root = resolve(import.meta.dirname, '..');
const documents: readonly Document[] = globSync('**/*.md', {
  cwd: root,
  exclude: (name) => /(^|\/)(node_modules|dist|coverage)$/.test(name),
}).map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(join(root, path), 'utf8') }));

/** Documents that say nothing, and links that lead nowhere. `exists` knows files that are no documents. */
function broken(all: readonly Document[], exists: (path: string) => boolean): string[] {
  const byPath = new Map(all.map((document) => [document.path, document]));
  const leadsNowhere = (from: Document, link: string): boolean => {
    const [file = '', anchor] = link.split('#');
    const path = file === '' ? from.path : posix.join(dirname(from.path), file);
    const to = byPath.get(path);
    if (anchor === undefined) return to === undefined && !exists(path);
    return to === undefined || !anchorsOf(to).includes(anchor);
  };
  return all.flatMap((document) => {
    const { path, text } = document;
    const empty = /^# .+\n\n\S/.test(text) ? [] : [`${path} has no title with a text below it`];
    const astray = linksOf(document).filter((link) => leadsNowhere(document, link));
    return [...empty, ...astray.map((link) => `${path}: nothing is at ${link}`)];
  });
}

test('every document says something, and every link in one leads to what is there', () => {
  expect(documents.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['README.md', 'docs/registries.md', 'docs/decisions/0012-the-last-view-on-disk.md']),
  );
  expect(broken(documents, (path) => existsSync(join(root, path)))).toEqual([]);
});

test('an empty document, a missing file and a missing heading are told', () => {
  const text =
    '# A\n\nSee [b](b.md#the-end), [x](../LICENSE), [self](#a), `[no](link.md)`.\n\n```\n[no](link.md)\n```\n';
  const good = { path: 'docs/a.md', text };
  const b = { path: 'docs/b.md', text: '# B\n\nText.\n\n## The `end`\n' };
  const exists = (path: string) => path === 'LICENSE';
  expect(broken([good, b], exists)).toEqual([]);
  expect(broken([good, { ...b, text: '' }], exists)).toEqual([
    'docs/a.md: nothing is at b.md#the-end',
    'docs/b.md has no title with a text below it',
  ]);
  expect(broken([good], () => false)).toEqual([
    'docs/a.md: nothing is at b.md#the-end',
    'docs/a.md: nothing is at ../LICENSE',
  ]);
  expect(broken([{ ...b, text: '# B\n\n## C\n\n## C\n\n[one](#c-1) [two](#c-2)\n' }], exists)).toEqual([
    'docs/b.md: nothing is at #c-2',
  ]);
});
