import type { NameOverride } from '../../core/name-override.ts';
import type { Combine, CombinedView } from '../compose/combination.ts';
import { Combined } from '../compose/combined.ts';
import { type CombinedWatch, CombinedWatches, type Watched } from '../compose/combined-watches.ts';
import { patienceMs } from '../first-answer.ts';
import type { CompiledQuery } from '../query.ts';
import type { Instance, Registry, RegistryScope, Traffic } from '../registry.ts';
import { combineNames } from './combine-names.ts';
import type { NameTable } from './name-rules.ts';
import { type NameStep, stepsOf } from './name-step.ts';
import { endsOf, expandName, type NameTree } from './name-tree.ts';
import { overrideOf } from './override.ts';

interface NamingParts extends Pick<RegistryScope, 'clock' | 'events'> {
  readonly registry: Registry;
  /** Monotonic milliseconds at which the mesh was made. */
  readonly startedAt: number;
}

/** Whom a caller means. */
interface Wanted {
  readonly service: string;
  readonly where: CompiledQuery;
  readonly override: NameOverride | undefined;
}

/** A name as it is followed. */
export interface Named {
  readonly watch: CombinedWatch;
  /** The services that are looked up in its place; empty when it is looked up as it is. */
  readonly services: readonly string[];
  /** The way that it takes now; `undefined` when it is looked up as it is. */
  path(): NameStep | undefined;
}

/** Follows names of services: each is rewritten by rules, and the services that it leads to are watched as one. */
export class Naming {
  readonly #table: NameTable;
  readonly #parts: NamingParts;
  readonly #watches = new CombinedWatches();
  /** A number for each query, so that only those that share it share a view. */
  readonly #queries = new WeakMap<CompiledQuery, number>();
  #nextQuery = 1;

  constructor(table: NameTable, parts: NamingParts) {
    this.#table = table;
    this.#parts = parts;
  }

  /** A name that no rule is about costs nothing: its watch is the registry's own. `traffic` is asked before a suspect goes. */
  watch(wanted: Wanted, listener: (view: CombinedView) => void, traffic?: Traffic): Named {
    const { service, where, override } = wanted;
    const { tree } = expandName(service, this.#table, override);
    if (tree.kind === 'service' || tree.kind === 'nobody') {
      const watch = this.#parts.registry.watch(service, listener, traffic);
      return { watch, services: [], path: () => undefined };
    }
    const services = [...new Set(endsOf(tree).flatMap((end) => (end.kind === 'service' ? [end.name] : [])))];
    const matches = (instance: Instance) => where.matches(instance);
    const watched: Watched = { name: `${service}\n${override?.header ?? ''}`, variant: this.#queryOf(where) };
    // What a name means during one request is no news of the service; what it means else is told once, whoever follows it.
    const told = () => override === undefined && this.#watches.isFirst(watched);
    if (told() && this.#watches.get(watched) === undefined) this.#sayDeadEnds(tree);
    const make = () => this.#follow(service, services, combineNames(tree, services, matches), told);
    const watch = this.#watches.watch(watched, make, listener, traffic);
    const path = () => {
      const { views = [], patient = false } = this.#watches.get(watched) ?? {};
      return stepsOf(tree, { services, views, patient, matches });
    };
    return { watch, services, path };
  }

  /** The part of an override that changes what `service` leads to; `undefined` when nothing of it does. */
  relevant(service: string, override: NameOverride): NameOverride | undefined {
    const { overridden } = expandName(service, this.#table, override);
    if (overridden.size === 0) return undefined;
    return overridden.size === override.names.size ? override : overrideOf(overridden);
  }

  #follow(service: string, services: readonly string[], combine: Combine, told: () => boolean): Combined {
    const { clock, events, registry, startedAt } = this.#parts;
    return new Combined({
      service,
      scope: { clock, events },
      sources: services.map((name) => ({ name, open: (listener, traffic) => registry.watch(name, listener, traffic) })),
      combine,
      patienceMs: patienceMs(startedAt, clock.now()),
      told,
    });
  }

  #sayDeadEnds(tree: NameTree): void {
    for (const end of endsOf(tree)) {
      if (end.kind === 'nobody')
        this.#parts.events.emit('rejected', { source: `names, for '${tree.name}'`, id: end.name, reason: end.reason });
    }
  }

  #queryOf(where: CompiledQuery): number {
    if (where.open) return 0;
    const known = this.#queries.get(where) ?? this.#nextQuery++;
    this.#queries.set(where, known);
    return known;
  }
}
