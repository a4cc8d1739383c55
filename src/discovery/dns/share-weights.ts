import type { Target } from './resolver.ts';

const MAX_WEIGHT = 1_000;
/** What SRV calls a very small chance. */
const SMALL = 0.01;

/**
 * The targets of one priority with weights as instances have them: above 0 and at most 1,000, in the same proportion. Where all are equal
 * each is 1, so that a server that divides 100 among its targets (as CoreDNS does) changes nobody when one comes or goes.
 */
export function shareWeights(targets: readonly Target[]): readonly Target[] {
  const weights = targets.map(({ weight }) => weight);
  const highest = Math.max(...weights);
  if (weights.every((weight) => weight === highest)) return targets.map((target) => ({ ...target, weight: 1 }));
  const scale = Math.min(1, MAX_WEIGHT / highest);
  return targets.map((target) => ({ ...target, weight: Math.max(SMALL, target.weight * scale) }));
}
