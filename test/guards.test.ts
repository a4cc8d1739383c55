import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { guards } from './guards/all.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('every guard that test:guards removes stands in its file once', () => {
  const astray = guards.filter(({ file, guard }) => read(file).split(guard).length !== 2);
  expect(astray.map(({ failure, file, guard }) => `${failure} ${file}: ${guard}`)).toEqual([]);
});

test('each failure that discovery, calls and servers answer has a guard', () => {
  const answered = new Set(guards.flatMap(({ failure }) => failure.split(/[ ,]+/)));
  const between = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `F${from + i}`);
  const all = [...between(1, 33), ...between(54, 87), ...between(100, 104)];
  expect(all.filter((failure) => !answered.has(failure))).toEqual([]);
});
