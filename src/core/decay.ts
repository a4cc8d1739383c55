const STEPS = 256;
const END = 8;

/** exp(-x) in steps of 1/256 up to 8. */
const TABLE = Float64Array.from({ length: END * STEPS }, (_, i) => Math.exp(-i / STEPS));

/**
 * What is left of 1 after `x` time constants: exp(-x) within 0.004, 1 below 0 and where x is NaN, 0 beyond 8. From a table, since a pick needs a dozen of them; and short enough
 * that V8 inlines it, since a fraction that a function returns is allocated.
 */
export function decay(x: number): number {
  return x >= END ? 0 : (TABLE[(Math.max(x, 0) * STEPS) | 0] ?? 0);
}
