/** How much more a tier can take than it gets while all of it is up: with 5 of 7 up it still takes everything (Envoy's factor, 1.4). In whole numbers, since 1.4 is none. */
const SPARE = { of: 7, for: 5 };

/** The part of all calls that a tier can take, from 0 to 1, when so much of its weight is in use. */
export function capacityOf(used: number, weight: number): number {
  return weight > 0 ? Math.min(1, (SPARE.of * used) / (SPARE.for * weight)) : 0;
}

/**
 * The share of the calls for each of several tiers in their order, from what each can take (Envoy's formula for priorities): the first gets all that it can
 * take, the next what is left, and so on. When all together cannot take everything, each gets its part of it; when none can take anything,
 * the first gets everything. The shares together are 1.
 */
export function spill(capacities: readonly number[]): readonly number[] {
  const total = capacities.reduce((sum, one) => sum + one, 0);
  if (total === 0) return capacities.map((_, i) => (i === 0 ? 1 : 0));
  const scale = 1 / Math.min(1, total);
  let rest = 1;
  return capacities.map((capacity) => {
    const share = Math.min(rest, capacity * scale);
    rest -= share;
    return share;
  });
}
