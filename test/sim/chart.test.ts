import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chart } from '../../bench/sim/chart.ts';
import { outcomes } from './made-up.ts';
import { type Element, parsed } from './xml.ts';

const drawn = parsed(
  chart(
    outcomes({
      uniform: { oracle: { p99: 10 }, recall: { p99: 10 }, p2c: { p99: 40 }, random: { p99: 100 } },
      hetero: { oracle: { p99: 50 }, recall: { p99: 200 }, p2c: { p99: 50 } },
    }),
  ),
);

const all = (name: string): readonly Element[] => drawn.filter((element) => element.name === name);
const number = ({ attributes }: Element, name: string) => Number(attributes.get(name) ?? Number.NaN);
/** The dots of the chart by what they say when one points at them. */
const dots = new Map(
  all('circle').flatMap((circle) => {
    const title = circle.children.find(({ name }) => name === 'title');
    return title === undefined ? [] : [[title.text, circle] as const];
  }),
);
const at = (title: string, axis: 'cx' | 'cy') => {
  const dot = dots.get(title);
  if (dot === undefined) throw new Error(`there is no dot '${title}'; there are ${[...dots.keys()].join('; ')}`);
  return number(dot, axis);
};

test('there is a dot for each scenario and policy that was run, and for the mean of each policy', () => {
  expect([...dots.keys()].toSorted()).toEqual([
    'hetero, p2c: 1.00',
    'hetero, recall: 4.00',
    'mean, p2c: 2.00',
    'mean, random: 10.00',
    'mean, recall: 2.00',
    'uniform, p2c: 4.00',
    'uniform, random: 10.00',
    'uniform, recall: 1.00',
  ]);
});

test('dots are where the logarithm of their ratio is, each scenario in a row of its own', () => {
  const left = at('uniform, recall: 1.00', 'cx');
  const wide = at('uniform, random: 10.00', 'cx') - left;
  expect(at('uniform, p2c: 4.00', 'cx')).toBeCloseTo(left + wide * Math.log10(4), 0);
  expect(at('mean, recall: 2.00', 'cx')).toBeCloseTo(left + wide * Math.log10(2), 0);
  // The ticks are on the same scale.
  const ticks = all('text').filter(({ attributes }) => attributes.get('text-anchor') === 'middle');
  expect(ticks.map(({ text }) => text)).toEqual(['1', '1.5', '2', '3', '5', '10']);
  for (const tick of ticks) expect(number(tick, 'x')).toBeCloseTo(left + wide * Math.log10(Number(tick.text)), 0);

  const rows = all('text').filter(({ attributes }) => attributes.get('text-anchor') === 'end');
  expect(rows.map(({ text }) => text)).toEqual(['uniform', 'hetero', 'mean']);
  for (const row of rows)
    for (const [title] of dots)
      if (title.startsWith(`${row.text}, `)) expect(at(title, 'cy')).toBe(number(row, 'y') - 4);
});

test('a policy has one colour, that of its name in the legend, and no other has it', () => {
  const legend = drawn.flatMap((element, i) => {
    const name = drawn[i + 1];
    const isKey = element.name === 'circle' && element.children.length === 0;
    return isKey ? [[name?.text ?? '', element.attributes.get('fill') ?? ''] as const] : [];
  });
  expect(legend.map(([policy]) => policy)).toEqual(['recall', 'p2c', 'random']);
  expect(new Set(legend.map(([, colour]) => colour)).size).toBe(3);
  for (const [policy, colour] of legend)
    for (const [title, dot] of dots)
      if (title.includes(`, ${policy}:`)) expect(dot.attributes.get('fill')).toBe(colour);
});

test('nothing is drawn beyond the edge, nor at what is no number', () => {
  const [svg] = all('svg');
  const [, , width = 0, height = 0] = (svg?.attributes.get('viewBox') ?? '').split(' ').map(Number);
  const places: readonly (readonly [string, number])[] = [
    ...['cx', 'x', 'x1', 'x2'].map((name) => [name, width] as const),
    ...['cy', 'y', 'y1', 'y2'].map((name) => [name, height] as const),
  ];
  for (const element of drawn)
    for (const [name, most] of places) {
      if (!element.attributes.has(name)) continue;
      const place = number(element, name);
      expect([element.name, name, place >= 0 && place <= most]).toEqual([element.name, name, true]);
    }
});

test('the published chart is well formed, and has a dot for each policy in each row', () => {
  const published = parsed(readFileSync(new URL('../../docs/balancing.svg', import.meta.url), 'utf8'));
  const titles = published.filter(({ name }) => name === 'title').map(({ text }) => text);
  const rows = new Set(titles.map((title) => title.slice(0, title.indexOf(','))));
  const policies = new Set(titles.map((title) => /, (.+):/.exec(title)?.[1]));
  expect([rows.has('uniform'), rows.has('mean'), policies.has('recall')]).toEqual([true, true, true]);
  expect(titles.length).toBe(rows.size * policies.size);
});
