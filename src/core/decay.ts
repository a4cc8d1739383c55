const STEPS = 64;
const END = 8;

/** exp(-x) for x = 0, 1/64, 2/64, … 8, and one more so that the last has a neighbour. */
const TABLE = Float64Array.from({ length: END * STEPS + 2 }, (_, i) => Math.exp(-i / STEPS));

/** What is left of 1 after `x` time constants: exp(-x) to four digits, 0 beyond 8, 1 below 0. From a table: a pick needs a dozen of them. */
export function decay(x: number): number {
  if (!(x > 0)) return 1;
  if (x >= END) return 0;
  const place = x * STEPS;
  const i = Math.floor(place);
  const left = TABLE[i] ?? 0;
  return left + (place - i) * ((TABLE[i + 1] ?? 0) - left);
}
