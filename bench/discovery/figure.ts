import { table } from '../figures.ts';

/** One thing that was measured, and what it may be at most. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** What it is counted in; decides how many digits are worth showing. */
  readonly unit: 'ms' | 's' | 'MB' | '%' | 'kB' | 'µs' | '';
  /** The most that it may be; `undefined` for a figure that only explains others. */
  readonly budget?: number | undefined;
}

const DIGITS: Readonly<Record<Figure['unit'], number>> = { ms: 1, s: 2, MB: 2, '%': 2, kB: 1, µs: 0, '': 0 };

/** A table for people. */
export function inWords(figures: readonly Figure[]): string {
  return table(
    ['', 'measured', 'budget', ''],
    figures.map(({ name, value, unit, budget }) => [
      name,
      amount(value, unit),
      budget === undefined ? '' : `≤ ${budget.toLocaleString('en')} ${unit}`.trimEnd(),
      budget === undefined || value <= budget ? '' : 'over',
    ]),
  );
}

function amount(value: number, unit: Figure['unit']): string {
  const digits = DIGITS[unit];
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text} ${unit}`.trimEnd();
}
