import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { quotedIn, rowsOf } from './support/markdown.ts';
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

test('a figure, an event and a state that are none are told', () => {
  expect(unknownIn('`registry_rejected{registry}`, event `doubt`, the `cache` event, `mesh_x` in ```code```')).toEqual([
    'mesh_x',
  ]);
  expect(unknownIn('The event `gone`, `lost` events.')).toEqual(['gone', 'lost']);
  const table = (cell: string) => `| a | what you see |\n|---|---|\n| \`b\` | ${cell} |\n`;
  expect(unknownIn(table('`registry` `lost`, `reason`'))).toEqual([]);
  expect(unknownIn(table('`registry` `away`, `registry_gone` 0'))).toEqual(['registry_gone', 'away']);
});
