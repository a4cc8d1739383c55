import { type BalancerOptions, resolveBalancer } from '../../src/balancer/balancer-options.ts';
import { Context } from '../../src/core/context.ts';
import { hashOf } from '../../src/core/hash.ts';
import type { MakeCase } from './case.ts';
import { partsFor, stub } from './parts.ts';

/** Attempts of one moment: the time is not the balancer's to read, and a reading of it allocates. */
const TOGETHER = 64;

/** What a server of the mesh says of its load with each answer. */
const REPORT = { rif: 2, serviceMs: 1.5 };

/** All that the balancer does for one attempt: a pick, its beginning, its good outcome and its end; and what the server said of its load, if it is `reporting`. */
export function pickOf(endpoints: number, balancer?: BalancerOptions, reporting = false): MakeCase {
  return () => {
    const { parts, target } = partsFor('players', endpoints, { balancer });
    const { nodes } = target;
    // One context for all, since it is not the balancer's: what that allocates itself is to be seen. That of a call was just made, and is in the cache as this is.
    const ctx = new Context(target.service, stub.describe('GET'), parts.clock.now());
    const keys = Array.from({ length: 1_024 }, (_, i) => hashOf(`key-${i}`));
    let turn = 0;
    // What was once undefined stays the object that it was given as. As a number of its own it may be made an object anew for each pick that it is handed to.
    const moment: { now: number | undefined } = { now: undefined };
    const attempts = (count: number): void => {
      const { now } = moment;
      if (now === undefined) throw new Error('it is no time yet');
      for (let i = 0; i < count; i++) {
        ctx.hash = keys[turn];
        turn = (turn + 1) % keys.length;
        const node = nodes.picker.pick(nodes.nodes, ctx, now, nodes.panicking);
        if (node === undefined) throw new Error('there is nobody to pick');
        nodes.begin(node, ctx, now);
        if (reporting) nodes.reported(node, REPORT, now);
        nodes.report(node, 'success', ctx, now);
        nodes.end(node, ctx);
      }
    };
    return {
      async run(calls) {
        // A large table is made in turns of the event loop.
        for (let done = 0; done < calls; done += TOGETHER) {
          if (done % 65_536 === 0) await new Promise((resolve) => setImmediate(resolve));
          moment.now = parts.clock.now();
          attempts(Math.min(TOGETHER, calls - done));
        }
      },
    };
  };
}

const hashOn = { header: 'x-key' };
/** The pickers besides the default, by the names of their cases. */
export const others: readonly BalancerOptions[] = [
  'p2c',
  'peak-ewma',
  'least-loaded',
  'round-robin',
  'weighted-round-robin',
  'random',
  { kind: 'ring-hash', hashOn },
  { kind: 'maglev', hashOn },
];

/** How the case of one of them is called. */
export function pickName(balancer: BalancerOptions, endpoints: number): string {
  const { kind } = resolveBalancer('balancer', balancer);
  return `pick of ${endpoints.toLocaleString('en')} by ${kind}`;
}
