import { Outages } from '../breaker/outages.ts';
import { type Rotation, startRotation } from '../breaker/rotation.ts';
import type { Forced } from '../breaker/service-breaker.ts';
import { ambientNames } from '../core/ambient.ts';
import { ClosedError } from '../core/errors.ts';
import type { NameOverride } from '../core/name-override.ts';
import { compileRules, type NameTable } from '../discovery/delegation/name-rules.ts';
import { Naming } from '../discovery/delegation/naming.ts';
import { EndpointFigures } from './endpoint-figures.ts';
import { OverriddenTargets } from './overridden-targets.ts';
import type { Parts } from './parts.ts';
import { type Layer, type ResolvedService, resolveService, type ServiceOptions } from './settings.ts';
import { Target } from './target.ts';

/** Names may come from outside (a URL that somebody typed), so the number that is kept has to end somewhere. */
const MAX_TARGETS = 2_000;

/** The target of one client. */
interface SpecialTarget {
  readonly target: Target;
  /** Gives it under the names of the present request; throws when the mesh is closed. */
  readonly present: () => Target;
}

/** The targets of a mesh: one for each service and set of settings that is called. */
export class Targets {
  readonly #parts: Parts;
  readonly #defaults: ServiceOptions;
  readonly #services: ReadonlyMap<string, ServiceOptions>;
  readonly #rotation: Rotation;
  readonly #outages: Outages;
  /** Services whose breakers the application holds open or closed. */
  readonly #forced = new Map<string, Forced>();
  readonly #byService = new Map<string, Target>();
  readonly #special = new Set<Target>();
  readonly #overridden: OverriddenTargets;
  readonly #naming: Naming;
  readonly #figures: EndpointFigures;
  #closed = false;

  constructor(
    parts: Parts,
    defaults: ServiceOptions,
    services: ReadonlyMap<string, ServiceOptions>,
    names: NameTable = NO_NAMES,
  ) {
    this.#parts = parts;
    this.#naming = new Naming(names, parts);
    this.#figures = new EndpointFigures(parts);
    this.#overridden = new OverriddenTargets(parts.metrics);
    this.#defaults = defaults;
    this.#services = services;
    this.#rotation = startRotation(parts.clock);
    this.#outages = new Outages(parts.clock, parts.events);
  }

  /** The target of a service as it is configured, under the names of the present request; made when first asked for. */
  of(service: string): Target {
    const names = ambientNames();
    const known = this.#byService.get(service);
    if (known !== undefined && names === undefined) return known;
    const target = known ?? this.#add(service);
    return names === undefined ? target : this.#under(names, target, `services.${service}`);
  }

  /** A target of its own, for a client that was given options of its own. It lives as long as the mesh. */
  special(service: string, name: string, options: ServiceOptions): SpecialTarget {
    const target = this.#create(service, resolveService(name, [...this.layers(service), { from: name, options }]));
    this.#special.add(target);
    this.#figures.add(target);
    // Two clients of one service may have different options.
    const key = `${name} ${this.#special.size}`;
    const present = () => {
      if (this.#closed) throw new ClosedError(service);
      const names = ambientNames();
      return names === undefined ? target : this.#under(names, target, key);
    };
    return { target, present };
  }

  /** The places that configure a service, the most general first. */
  layers(service: string): readonly Layer[] {
    const own = this.#services.get(service);
    return [
      { from: 'defaults', options: this.#defaults },
      ...(own === undefined ? [] : [{ from: `services.${service}`, options: own }]),
    ];
  }

  /** Holds all breakers of a service open or closed, those of clients made later too; `undefined` lets them decide again. */
  force(service: string, forced: Forced | undefined): void {
    if (forced === undefined) this.#forced.delete(service);
    else this.#forced.set(service, forced);
    for (const target of [...this.#byService.values(), ...this.#special, ...this.#overridden.all])
      if (target.service === service) target.breaker?.force(forced);
  }

  close(): void {
    this.#closed = true;
    this.#rotation.stop();
    for (const target of [...this.#byService.values(), ...this.#special]) target.close();
    this.#overridden.close();
    this.#byService.clear();
    this.#special.clear();
  }

  #add(service: string): Target {
    this.#makeRoom();
    const target = this.#create(service, resolveService(`services.${service}`, this.layers(service)));
    this.#byService.set(service, target);
    this.#figures.add(target);
    return target;
  }

  #create(
    service: string,
    settings: ResolvedService,
    under: { readonly override?: NameOverride; readonly answers?: Target['answers'] } = {},
  ): Target {
    if (this.#closed) throw new ClosedError(service);
    const target = new Target({
      service,
      settings,
      ...under,
      rotation: this.#rotation.emitter,
      outages: this.#outages,
      naming: this.#naming,
      parts: this.#parts,
      beside: (other) => this.of(other),
    });
    target.breaker?.force(this.#forced.get(service));
    return target;
  }

  /** The same target with these names in the place of others; itself when they do not concern it. `place` tells apart those of one service. */
  #under(names: NameOverride, plain: Target, place: string): Target {
    const { service, settings } = plain;
    const override = this.#naming.relevant(service, names);
    if (override === undefined) return plain;
    const make = () => this.#create(service, settings, { override, answers: plain.answers });
    return this.#overridden.get(`${place}\n${override.header}`, make) ?? plain;
  }

  /** Forgets the target that was made first among those that nobody can be calling: they have no endpoint. */
  #makeRoom(): void {
    if (this.#byService.size < MAX_TARGETS) return;
    for (const [service, target] of this.#byService) {
      if (target.nodes.nodes.length > 0 || target.inFlight.running > 0) continue;
      target.close();
      this.#byService.delete(service);
      this.#figures.remove(target);
      return;
    }
  }
}

const NO_NAMES: NameTable = compileRules('names');
