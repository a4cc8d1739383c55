import type { Node } from '../balancer/node.ts';
import type { Parts } from './parts.ts';
import type { Target } from './target.ts';

/**
 * Counts the endpoints of each service over all targets that call it under its own name. Gauges by service: `endpoints` with `health: all`, in
 * which an endpoint that several targets call counts once, and with `health: down`, in which it counts when one of them has taken it out; `panicking` is 1 while
 * one of them uses endpoints that are down, because too many are.
 */
export class EndpointFigures {
  readonly #parts: Pick<Parts, 'clock' | 'metrics'>;
  readonly #byService = new Map<string, Set<Target>>();

  constructor(parts: Pick<Parts, 'clock' | 'metrics'>) {
    this.#parts = parts;
  }

  add(target: Target): void {
    const { service } = target;
    const known = this.#byService.get(service);
    if (known !== undefined) {
      known.add(target);
      return;
    }
    this.#byService.set(service, new Set([target]));
    const { clock, metrics } = this.#parts;
    metrics.gauge('endpoints', { service, health: 'all' }, () => this.#count(service, () => true));
    metrics.gauge('endpoints', { service, health: 'down' }, () => {
      const now = clock.now();
      return this.#count(service, ({ health }) => health.fitness(now) !== 'up');
    });
    metrics.gauge('panicking', { service }, () => {
      const now = clock.now();
      return [...(this.#byService.get(service) ?? [])].some(({ nodes }) => nodes.panickingAt(now)) ? 1 : 0;
    });
  }

  remove(target: Target): void {
    const targets = this.#byService.get(target.service);
    targets?.delete(target);
    if (targets?.size === 0) this.#byService.delete(target.service);
  }

  #count(service: string, counts: (node: Node) => boolean): number {
    const ids = new Set<string>();
    for (const { nodes } of this.#byService.get(service) ?? [])
      for (const node of nodes.nodes) if (counts(node)) ids.add(node.endpoint.id);
    return ids.size;
  }
}
