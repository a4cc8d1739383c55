import type { PhaseRow } from './tally.ts';
import { integer, percent } from './words.ts';

/** The lines of a table with one row for each phase; its last columns are the shares of the instances. */
export function tableOf(rows: readonly PhaseRow[]): readonly string[] {
  const places = [...new Set(rows.flatMap(({ share }) => Object.keys(share)))].sort();
  const head = ['phase', 'calls', 'failed', 'retries', 'p50 ms', 'p99 ms', ...places];
  const cells = rows.map(({ phase, calls, failed, retries, p50Ms, p99Ms, share }) => [
    phase,
    ...[calls, failed, retries].map(integer),
    ...[p50Ms, p99Ms].map((ms) => ms.toFixed(1)),
    ...places.map((place) => percent(share[place]).replace(' ', '')),
  ]);
  const widths = head.map((name, column) =>
    Math.max(...[head, ...cells].map((row) => row[column]?.length ?? 0), name.length),
  );
  return [head, ...cells].map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}
