import type { LoadReport } from '../balancer/load-report.ts';
import { type Node, nodeOf } from '../balancer/node.ts';
import type { NodeSet } from '../balancer/node-set.ts';
import type { SoftNack } from '../balancer/soft-nack.ts';
import type { Binding } from '../core/binding.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { parseMeshLoad } from './mesh-load.ts';
import { orcaUtilisation } from './orca.ts';

/** A utilisation of 1 and more would be a queue without end. */
const MOST_UTILISED = 0.99;

/**
 * Hands to the balancer what a server says of its load with a response, be it a refusal: `mesh-load` of a server of the mesh, `endpoint-load-metrics`
 * (ORCA) of any.
 *
 * A utilisation `u` counts as at least `u / (1 - u)` requests in flight: no server, however many work in it, has fewer on average
 * at that utilisation. From ORCA alone that is all there is; the service time is then the one measured here. What cannot be read is ignored,
 * counted in `load_reports_ignored{service}`, and told once per endpoint.
 */
export function load<Req, Res>(
  binding: Pick<Binding<Req, Res>, 'header'>,
  nodes: NodeSet,
  softNack: SoftNack | undefined,
): Filter<Req, Res> {
  const header = binding.header?.bind(binding);
  return observe(({ clock, events, metrics, target }) => {
    if (header === undefined) return {};
    const told = new WeakSet<Node>();
    const ignore = (node: Node, name: string, text: string) => {
      metrics.counter('load_reports_ignored', { service: target }).add();
      if (told.has(node)) return;
      told.add(node);
      const reason = `${name} '${text.slice(0, 80)}' is no load report`;
      events.emit('rejected', { source: `responses of '${target}'`, id: node.endpoint.id, reason });
    };
    /** What the two headers together say; `ms` is what this attempt took. */
    const reportOf = (
      node: Node,
      mesh: string | undefined,
      orca: string | undefined,
      ms: number,
    ): LoadReport | undefined => {
      const own = mesh === undefined ? undefined : parseMeshLoad(mesh);
      if (mesh !== undefined && own === undefined) ignore(node, 'mesh-load', mesh);
      const others = orca === undefined ? 'none' : orcaUtilisation(orca);
      if (orca !== undefined && others === undefined) ignore(node, 'endpoint-load-metrics', orca);
      const utilisation = own?.utilisation ?? others;
      if (utilisation === undefined || utilisation === 'none') return own;
      const capped = Math.min(utilisation, MOST_UTILISED);
      return { rif: Math.max(own?.rif ?? 0, capped / (1 - capped)), serviceMs: own?.serviceMs ?? ms, utilisation };
    };
    return {
      success(res, ctx) {
        const mesh = header(res, 'mesh-load');
        const orca = header(res, 'endpoint-load-metrics');
        const refused = ctx.limit !== undefined && header(res, 'mesh-nack') === 'busy';
        if (mesh === undefined && orca === undefined && !refused) return undefined;
        const now = clock.now();
        if (refused) softNack?.refused(now - ctx.startedAt, now);
        const node = nodeOf(ctx);
        const report = reportOf(node, mesh, orca, now - ctx.startedAt);
        if (report !== undefined) nodes.reported(node, report, now);
        return undefined;
      },
    };
  });
}
