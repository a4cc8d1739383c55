import type { Context } from '../core/context.ts';
import { sleep } from '../core/sleep.ts';
import type { CombinedView } from '../discovery/compose/combination.ts';
import type { CompiledQuery } from '../discovery/query.ts';
import type { Parts } from './parts.ts';

/** Why there is nobody to call, for whoever has to mend it. */
export class Emptiness {
  readonly #service: string;
  readonly #where: CompiledQuery;
  readonly #parts: Pick<Parts, 'clock' | 'registry'>;
  #known: { readonly at: number; readonly services: readonly string[] } | undefined;

  constructor(service: string, where: CompiledQuery, parts: Pick<Parts, 'clock' | 'registry'>) {
    this.#service = service;
    this.#where = where;
    this.#parts = parts;
  }

  /** In words; `looked` are the names that were looked up in its place. Asks the registry what else it knows, which takes a moment at most. */
  async why({ state, instances, reason }: CombinedView, looked: readonly string[], ctx: Context): Promise<string> {
    const { registry } = this.#parts;
    const where = this.#where;
    if (instances.length > 0) {
      const asked = String(where);
      const others = instances.map((instance) => where.describe(instance));
      const distinct = [...new Set(others)].sort();
      const shown = distinct.length === 1 ? `all ${distinct[0]}` : distinct.slice(0, 5).join(' / ');
      return `no endpoint of '${this.#service}' matches ${asked} (${instances.length} known, ${shown})`;
    }
    const wanted = looked.length === 0 ? `'${this.#service}'` : `'${this.#service}' (${looked.join(', ')})`;
    if (state === 'pending') return `no endpoint of ${wanted} is known: ${registry.name} has not answered yet`;
    if (state === 'stale')
      return `no endpoint of ${wanted} is known: ${registry.name} is out of reach (${reason}) and said nothing before`;
    const services = await this.#services(ctx);
    const known =
      services.length === 0
        ? 'it knows no service'
        : `it knows ${services.slice(0, 10).join(', ')}${services.length > 10 ? ', …' : ''}`;
    return `no endpoint of ${wanted} is known: nobody announced it to ${registry.name} (${known})`;
  }

  /** Names for a message: asked for at most once a second, and waited for only briefly. */
  async #services(ctx: Context): Promise<readonly string[]> {
    const { clock, registry } = this.#parts;
    if (this.#known === undefined || clock.now() - this.#known.at > 1_000) {
      this.#known = { at: clock.now(), services: this.#known?.services ?? [] };
      const asked = registry.services().then(
        (services) => {
          this.#known = { at: clock.now(), services };
        },
        () => {},
      );
      await Promise.race([asked, sleep(clock, 50, ctx)]);
    }
    return this.#known.services;
  }
}
