/** The value that a share `ratio` (0 to 1) of the samples does not exceed. */
export function quantile(samples: readonly number[], ratio: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.round(ratio * (sorted.length - 1))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** A quotient, round by round: two figures of one round were taken under the same conditions. */
export function ratios(above: readonly number[], below: readonly number[]): number[] {
  return above.map((value, round) => value / (below[round] ?? Number.NaN));
}

/** Rows under a heading, in columns as wide as their widest cell; the first is text, the others are figures. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('   ')
      .trimEnd();
  return all.map(line).join('\n');
}
