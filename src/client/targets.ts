import { type Rotation, startRotation } from '../breaker/rotation.ts';
import { ClosedError } from '../core/errors.ts';
import type { Parts } from './parts.ts';
import { type Layer, type ResolvedService, resolveService, type ServiceOptions } from './settings.ts';
import { Target } from './target.ts';

/** Names may come from outside (a URL that somebody typed), so the number that is kept has to end somewhere. */
const MAX_TARGETS = 2_000;

/** The targets of a mesh: one for each service and set of settings that is called. */
export class Targets {
  readonly #parts: Parts;
  readonly #defaults: ServiceOptions;
  readonly #services: ReadonlyMap<string, ServiceOptions>;
  readonly #rotation: Rotation;
  readonly #byService = new Map<string, Target>();
  readonly #special = new Set<Target>();
  #closed = false;

  constructor(parts: Parts, defaults: ServiceOptions, services: ReadonlyMap<string, ServiceOptions>) {
    this.#parts = parts;
    this.#defaults = defaults;
    this.#services = services;
    this.#rotation = startRotation(parts.clock);
  }

  /** The target of a service as it is configured; made when first asked for. */
  of(service: string): Target {
    const known = this.#byService.get(service);
    if (known !== undefined) return known;
    this.#makeRoom();
    const target = this.#create(service, resolveService(`services.${service}`, this.layers(service)));
    this.#byService.set(service, target);
    return target;
  }

  /** A target of its own, for a client that was given options of its own. It lives as long as the mesh. */
  special(service: string, name: string, options: ServiceOptions): () => Target {
    const target = this.#create(service, resolveService(name, [...this.layers(service), { from: name, options }]));
    this.#special.add(target);
    return () => {
      if (this.#closed) throw new ClosedError(service);
      return target;
    };
  }

  /** The places that configure a service, the most general first. */
  layers(service: string): readonly Layer[] {
    const own = this.#services.get(service);
    return [
      { from: 'defaults', options: this.#defaults },
      ...(own === undefined ? [] : [{ from: `services.${service}`, options: own }]),
    ];
  }

  close(): void {
    this.#closed = true;
    this.#rotation.stop();
    for (const target of [...this.#byService.values(), ...this.#special]) target.close();
    this.#byService.clear();
    this.#special.clear();
  }

  #create(service: string, settings: ResolvedService): Target {
    if (this.#closed) throw new ClosedError(service);
    return new Target(service, settings, this.#rotation.emitter, this.#parts);
  }

  /** Forgets the target that was made first among those that nobody can be calling: they have no endpoint. */
  #makeRoom(): void {
    if (this.#byService.size < MAX_TARGETS) return;
    for (const [service, target] of this.#byService) {
      if (target.nodes.nodes.length > 0 || target.inFlight.running > 0) continue;
      target.close();
      this.#byService.delete(service);
      return;
    }
  }
}
