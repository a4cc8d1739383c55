import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { Context } from '../../src/core/context.ts';
import type { MakeCase } from './case.ts';
import { partsFor, stub } from './parts.ts';

/** All that the balancer does for one attempt: a pick, its beginning, its good outcome and its end. */
export function pickOf(endpoints: number): MakeCase {
  return () => {
    const { parts, target } = partsFor('players', endpoints);
    const { clock, random } = parts;
    const { nodes } = target;
    const picker = p2c(random);
    // One for all, since the context is not the balancer's: what it allocates itself is to be seen.
    const ctx = new Context(target.service, stub.describe('GET'), clock.now());
    return {
      async run(calls) {
        for (let i = 0; i < calls; i++) {
          const now = clock.now();
          const node = picker.pick(nodes.nodes, ctx, now, nodes.panicking);
          if (node === undefined) throw new Error('there is nobody to pick');
          nodes.begin(node, ctx, now);
          nodes.report(node, 'success', ctx);
          nodes.end(node, ctx);
        }
      },
    };
  };
}
