import { availableParallelism } from 'node:os';
import { median, quantile, ratios, table } from './figures.ts';
import { type Figures, OTHER } from './measure.ts';
import type { Series } from './rounds.ts';

/** What DESIGN, section 12, allows: a case, what it is compared with, and the most that it may cost of that. */
const RATIOS: readonly (readonly [name: string, base: string, budget: number])[] = [
  ['mesh.client', 'undici.request', 1],
  ['wrapped got', 'got', 1.03],
  ['wrapped fetch', 'fetch', 1.05],
];
const INSIDE_BUDGET = (name: string) => {
  if (name.endsWith('that report')) return '0 B';
  return name.startsWith('pick') ? '≤ 250 ns, 0 B' : name.startsWith('default') ? '≤ 1,500 ns, 3,000 B' : '';
};
const ENDPOINT_BUDGET = '≤ 1,024 B';

/** The figures as tables for people. */
export function report({ loopback, inside, allocated, endpoint }: Figures): string {
  const rounds = loopback[0]?.cpuNs.length ?? 0;
  return [
    `Node ${process.version}, ${availableParallelism()} cores`,
    `CPU per call over loopback in µs, ten calls at a time, ${rounds} interleaved rounds`,
    table(['', 'median', 'min', 'max'], loopback.map(spread(1_000, 1))),
    'Ratios within a round; the middle half of the rounds lies between the quartiles',
    table(['', 'median', 'quartiles', 'min', 'max', 'budget'], ratioRows(loopback)),
    'Inside the process: CPU per call in ns, bytes allocated per call',
    table(
      ['', 'median', 'min', 'max', 'bytes', 'budget'],
      inside.map((one, i) => [
        ...spread(1, 0)(one),
        figure(Math.max(0, median(allocated[i]?.heapBytes ?? [])), 0),
        INSIDE_BUDGET(one.name),
      ]),
    ),
    'Memory that one endpoint keeps: node, health, load, counters',
    table(
      ['', 'bytes', 'budget'],
      endpoint.map(({ name, bytes }) => [name, figure(bytes, 0), ENDPOINT_BUDGET]),
    ),
    '',
  ].join('\n\n');
}

function ratioRows(series: readonly Series[]): string[][] {
  const of = (name: string) => series.find((one) => one.name === name)?.cpuNs;
  const row = (name: string, base: string, budget: string): string[] => {
    const each = ratios(of(name) ?? [], of(base) ?? []);
    const two = (value: number) => figure(value, 3);
    return [
      `${name} ÷ ${base}`,
      two(median(each)),
      `${two(quantile(each, 0.25))} to ${two(quantile(each, 0.75))}`,
      two(Math.min(...each)),
      two(Math.max(...each)),
      budget,
    ];
  };
  return [
    ...RATIOS.map(([name, base, budget]) => row(name, base, `≤ ${budget.toFixed(2)}`)),
    ...series.filter(({ name }) => name.endsWith(OTHER)).map(({ name }) => row(name.slice(0, -OTHER.length), name, '')),
  ];
}

function spread(unit: number, digits: number): ({ name, cpuNs }: Series) => string[] {
  return ({ name, cpuNs }) => [
    name,
    ...[median(cpuNs), Math.min(...cpuNs), Math.max(...cpuNs)].map((ns) => figure(ns / unit, digits)),
  ];
}

function figure(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
