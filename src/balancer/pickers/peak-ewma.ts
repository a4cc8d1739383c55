import type { Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import type { Node } from '../node.ts';
import { Peak } from '../peak.ts';
import type { Picker } from '../picker.ts';
import { betterOfTwo } from './better-of-two.ts';

/**
 * Finagle's: of two drawn at random the one with the lower cost × (requests on their way + 1). The cost is a mean of what answers take that goes up to
 * each slower one at once, comes down with a time constant of 10 s, and fades towards nothing while none comes, so that a node that was slow is tried again.
 *
 * Where Finagle takes a node without answers to cost nothing while it is idle and 2^47 while it is not, here it costs what the last answers of all the others
 * took. Free, a new node would be the better of every pair that it is in, once for each client; and one that fails before it ever answers
 * would stay free. A failure counts only when it took longer than answers do: to fail fast must not look like speed.
 */
export function peakEwma(random: Random): Picker {
  const draws = new Draws(random);
  let usual: Peak | undefined;

  const cost = (nodes: readonly Node[], node: Node, now: number): number => {
    // Before the first answer of all only what is on its way counts.
    const ms = (node.peak ?? usual)?.value(now) ?? 1;
    return ms * (1 + node.running / draws.relative(nodes, node, now));
  };
  return {
    pick: betterOfTwo(draws, (nodes, a, b, now) => cost(nodes, b, now) < cost(nodes, a, now)),
    ended(node, outcome, attempt, now) {
      if (outcome === 'ignorable') return;
      const { peak } = node;
      if (outcome !== 'success') {
        if (peak !== undefined && now - attempt.startedAt > peak.value(now)) peak.add(attempt, now);
        return;
      }
      if (peak === undefined) node.peak = new Peak(attempt, now);
      else peak.add(attempt, now);
      if (usual === undefined) usual = new Peak(attempt, now);
      else usual.add(attempt, now);
    },
  };
}
