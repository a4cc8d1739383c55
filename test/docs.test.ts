import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { resolveService, settingsOf } from '../src/client/settings.ts';
import { clientRoles, endpointRoles, type Place } from '../src/core/roles.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
/** The cells of every table row that begins with a name in backquotes. */
const rows = (text: string) =>
  [...text.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(([, ...cells]) =>
    cells.map((cell) => cell.trim()),
  );

test('the table of defaults in the README is what the code does', () => {
  const documented = rows(read('README.md')).map(([name, value]) => [name, value]);
  const real = settingsOf(resolveService('service', []), []).map(({ name, value }) => [name, String(value)]);
  expect(documented).toEqual(real);
});

test('docs/stack.md lists the roles in their order, with the reasons that errors quote', () => {
  const real = (places: readonly Place[]) => places.map(({ role, on, why }) => [role, on ? 'yes' : 'no', why]);
  expect(rows(read('docs/stack.md'))).toEqual([...real(clientRoles), ...real(endpointRoles)]);
});

test('the stack in the README has the roles that are on, in their order', () => {
  const [, drawing = ''] = /## What a call passes through\n\n```\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
  const drawn = [...drawing.matchAll(/^(?: your client ─▶| +)\s*([a-z-]+) {2,}/gm)].map(([, role]) => role);
  expect(drawn).toEqual([...clientRoles, ...endpointRoles].filter(({ on }) => on).map(({ role }) => role));
});
