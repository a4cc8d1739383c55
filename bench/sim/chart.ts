import { type Outcomes, standings } from './outcome.ts';

const LABEL = 110;
const WIDTH = 760;
const ROW = 26;
const TOP = 64;
/** Distinguishable by those who see fewer colours too, on white and on black (Okabe and Ito, 2008, without yellow and black). */
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c6bb1', '#8c8c8c', '#a65628'];

/** p99 ÷ oracle by scenario and policy, on a logarithmic scale, as SVG. Text follows the colours of the page that shows it. */
export function chart(outcomes: Outcomes): string {
  const policies = standings(outcomes).map(({ policy }) => policy);
  const rows = [...outcomes].map(([scenario, byPolicy]) => ({
    name: scenario,
    ratios: policies.map(
      (policy) => (byPolicy.get(policy)?.p99 ?? Number.NaN) / (byPolicy.get('oracle')?.p99 ?? Number.NaN),
    ),
  }));
  rows.push({ name: 'mean', ratios: standings(outcomes).map(({ p99 }) => p99) });
  const most = Math.max(2, ...rows.flatMap(({ ratios }) => ratios.filter(Number.isFinite)));
  const x = (ratio: number) =>
    (LABEL + (Math.log(Math.max(1, ratio)) / Math.log(most)) * (WIDTH - LABEL - 30)).toFixed(1);
  const y = (row: number) => TOP + row * ROW + ROW / 2;
  const height = TOP + rows.length * ROW + 30;
  const ticks = [1, 1.5, 2, 3, 5, 10, 20, 50, 100].filter((tick) => tick <= most);

  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${height - 30}"/>` +
      `<text x="${x(tick)}" y="${height - 12}" text-anchor="middle">${tick}</text>`,
  );
  const lines = rows.map(
    ({ name }, row) => `<text x="${LABEL - 12}" y="${y(row) + 4}" text-anchor="end">${name}</text>`,
  );
  const dots = rows.flatMap(({ name, ratios }, row) =>
    // The first policies last, so that they lie on top.
    ratios
      .map((ratio, index) =>
        Number.isFinite(ratio)
          ? `<circle cx="${x(ratio)}" cy="${y(row)}" r="${row === rows.length - 1 ? 6 : 5}" fill="${colour(index)}">` +
            `<title>${name}, ${policies[index]}: ${ratio.toFixed(2)}</title></circle>`
          : '',
      )
      .toReversed(),
  );
  const each = (WIDTH - 20) / Math.ceil(policies.length / 2);
  const legend = policies.map((policy, index) => {
    const left = 10 + Math.floor(index / 2) * each;
    const top = 18 + (index % 2) * 20;
    return `<circle cx="${left + 5}" cy="${top - 4}" r="5" fill="${colour(index)}"/><text x="${left + 15}" y="${top}">${policy}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="p99 divided by that of a central queue, by scenario and picker">
<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.grid { stroke: #999; stroke-opacity: 0.35 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
</style>
${[...grid, ...lines, ...dots, ...legend].filter((part) => part !== '').join('\n')}
</svg>
`;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? 'gray';
}
