import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { quotedIn, readDocument, rowsOf, sectionOf } from './support/markdown.ts';
import { membersOf } from './support/type-members.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The names of all figures that the sources report. */
const figures = new Set(
  globSync('src/**/*.ts', { cwd: root }).flatMap((path) =>
    [...read(path).matchAll(/(?:counter|gauge|histogram|#count)\('([a-z_]+)'/g)].map(([, name = '']) => name),
  ),
);
const events = membersOf('src/core/events.ts', 'MeshEvents');
const eventNames = new Set(events.map(({ name }) => name));
/** What an event or a view can say: its fields, and the texts that are their values. */
const said = new Set(
  [...events.flatMap(({ members }) => members), ...membersOf('src/discovery/registry.ts', 'View')].flatMap(
    ({ name, texts }) => [name, ...texts],
  ),
);

/** Names of figures and events that a document tells of and that are none. */
function unknownIn(text: string): string[] {
  const figuresTold = quotedIn(text)
    .map((quoted) => /^([a-z]+(?:_[a-z]+)+)(?:\{.*\})?$/.exec(quoted)?.[1])
    .filter((name) => name !== undefined);
  const eventsTold = [...text.matchAll(/[Ee]vents? `([^`]+)`|`([^`]+)` events?\b/g)].map(([, a, b]) => a ?? b ?? '');
  // In a column of what is seen, all plain words are names.
  const seen = rowsOf({ path: '', text }, 'what you see').flatMap((row) => quotedIn(row['what you see'] ?? ''));
  const words = seen.filter((quoted) => /^[a-z]+$/.test(quoted));
  return [
    ...figuresTold.filter((name) => !figures.has(name)),
    ...eventsTold.filter((name) => !eventNames.has(name)),
    ...words.filter((word) => !eventNames.has(word) && !said.has(word)),
  ];
}

test.each(globSync('{README,CHANGELOG,docs/*}.md', { cwd: root }))(
  'the figures and events that %s names are there',
  (path) => {
    expect(unknownIn(read(path))).toEqual([]);
  },
);

/** The failures that a text names: `F3`, `F1 to F5`. */
function failuresIn(text: string): string[] {
  return [...text.matchAll(/\bF(\d+)(?: to F(\d+))?/g)].flatMap(([, from, to = from]) => {
    const count = Number(to) - Number(from) + 1;
    return Array.from({ length: count }, (_, i) => `F${Number(from) + i}`);
  });
}

/** The failures that are named by tests whose files begin so, or that all registries are tested for. */
function failuresTested(prefix: string): ReadonlySet<string> {
  const files = globSync(`test/{${prefix},discovery/contract,discovery/reader-contract}*.ts`, { cwd: root });
  const titles = files.flatMap((path) => [...read(path).matchAll(/['"](F\d+[^'"\n:]*):/g)]);
  return new Set(titles.flatMap(([, title = '']) => failuresIn(title)));
}

test.each([
  ['docs/registries.md', 'A folder', 'discovery/file'],
  ['docs/registries.md', 'Kubernetes', 'discovery/kubernetes'],
  ['docs/registries.md', 'Consul', 'discovery/consul'],
  ['docs/registries.md', 'DNS', 'discovery/dns'],
  ['docs/discovery.md', 'What can go wrong', 'discovery/redis,chaos/registry'],
])('each failure in %s under %s has a test in test/{%s}*.ts', (path, title, prefix) => {
  const named = failuresIn(sectionOf(readDocument(path), title).text);
  const tested = failuresTested(prefix);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((failure) => !tested.has(failure))).toEqual([]);
});

test('a figure, an event and a state that are none are told', () => {
  expect(unknownIn('`registry_rejected{registry}`, event `doubt`, the `cache` event, `mesh_x` in ```code```')).toEqual([
    'mesh_x',
  ]);
  expect(unknownIn('The event `gone`, `lost` events.')).toEqual(['gone', 'lost']);
  const table = (cell: string) => `| a | what you see |\n|---|---|\n| \`b\` | ${cell} |\n`;
  expect(unknownIn(table('`registry` `lost`, `reason`'))).toEqual([]);
  expect(unknownIn(table('`registry` `away`, `registry_gone` 0'))).toEqual(['registry_gone', 'away']);
});
